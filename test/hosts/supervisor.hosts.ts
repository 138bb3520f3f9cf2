import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { confirmActivation } from "../../src/apply/confirm-activation.ts";
import type { Targets } from "../../src/io/ports.ts";
import { type Lab, startLab } from "./lab.ts";
import { labTargets, nonceOf, SupervisedHost } from "./supervised-host.ts";
import { buildToplevel } from "./toplevels.ts";

let lab: Lab;
let targets: Targets;
let close: () => Promise<void>;
let it: SupervisedHost;
const matrix: string[] = [];

beforeAll(async () => {
  lab = await startLab({ hosts: ["alpha"] });
  ({ targets, close } = await labTargets(lab));
  const host = lab.host("alpha");
  it = new SupervisedHost(host, (await host.systems()).current, targets);
});
afterEach(async () => {
  await it.reset();
});
afterAll(async () => {
  console.log(`\n${matrix.join("\n")}\n`);
  await close();
  await lab.stop();
});

test("a change that is confirmed runs and boots", async () => {
  const to = await buildToplevel({ host: "alpha", services: { hello: { version: "2.0" } } });
  await it.host.copy([to]);
  const request = it.request(to);
  const nonce = nonceOf();
  expect(await it.start(request, nonce)).toEqual({ kind: "started" });
  const { id } = request.attempt;
  const pieces: string[] = [];
  const waiting = await it.follow(id, "waiting", 60, (piece) => pieces.push(piece));
  expect(waiting).toMatchObject({ kind: "phase", phase: { phase: "waiting", exit: 0, current: to } });
  expect(await it.systems(to)).toBe("current new, profile old, boots old, booted old");
  expect(await confirmActivation(targets, it.address, id, nonce)).toEqual({ kind: "said" });
  const ended = await it.follow(id, "ended", 60);
  expect(ended).toMatchObject({ phase: { phase: "ended", outcome: "deployed" } });
  expect(await it.systems(to)).toBe("current new, profile new, boots new, booted old");
  expect(pieces.join("")).toContain("activating the configuration...");
  console.log(pieces.join(""), await it.ledger());
});
