import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LoopbackForge } from "../forge/loopback-forge.ts";
import { Story, type StoryHost, throughApproval, throughRejection, throughReplay } from "../forge/story.ts";
import { LoopbackStory } from "../forge/story-forge.ts";
import { Repository } from "../scenario/flake.ts";
import { type HostSpec, labFlake, machineParts } from "./fleet.ts";
import { type Lab, startLab } from "./lab.ts";

/** The story of changes on both forges, from the pull request to a real host that runs them: the Action as a runner starts it, forges on loopback. */
const spec = (version: number): HostSpec => ({ services: { hello: { version: `${version}.0` } } });
/** Long enough at work that a run can be cancelled in the middle. */
const slow: HostSpec = { ...spec(7), activation: '[ -z "${NIXOS_ACTION:-}" ] || sleep 8' };

const sudoers: HostSpec = { etc: { "sudoers.d/story": "bob ALL=(ALL) ALL\n" } };

describe.each(["github", "forgejo-16"] as const)("%s", { timeout: 900_000 }, (name) => {
  let lab: Lab;
  let scratch: string;
  let forge: LoopbackForge;
  let story: Story;

  beforeAll(async () => {
    lab = await startLab({ hosts: [{ host: "alpha", ...spec(1) }] });
    scratch = mkdtempSync(join(tmpdir(), "gate-story-"));
    forge = await new LoopbackForge(name).start();
    const alpha = lab.host("alpha");
    const host: StoryHost = {
      name: "alpha",
      changes: true,
      sshPrivateKey: readFileSync(lab.key, "utf8"),
      sshKnownHosts: lab.knownHosts,
      target: { hostname: alpha.address, machineId: alpha.machineId },
      files: (version, risky) => ({
        ...machineParts(),
        "flake.nix": labFlake,
        "specs.json": JSON.stringify({ alpha: version === 7 ? slow : { ...spec(version), ...(risky ? sudoers : {}) } }),
      }),
    };
    story = new Story(new LoopbackStory(forge, new Repository(join(scratch, "origin"))), host, scratch);
  });
  afterAll(async () => {
    await forge?.[Symbol.asyncDispose]();
    await lab?.stop();
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  });
  /** States of each deployment, newest run last; none on Forgejo. */
  const deployments = (): (string | undefined)[] => forge.records.deployments.map(({ statuses }) => statuses.at(-1)?.state);
  const github = name === "github";

  test("opened, synchronized, merged, held, approved, deployed; a spent token is worth nothing, also where everything is as it was", async () => {
    const alpha = lab.host("alpha");
    const before = await alpha.systems();
    const { token, deployed } = await throughApproval(story);
    const to = deployed.host.state === "changed" ? deployed.host.to : "";
    const after = await alpha.systems();
    expect([after.current, after.profile, after.loader]).toEqual([to, to, to]);
    expect(deployments()).toEqual(github ? ["inactive", "success"] : []);
    expect(after.current).not.toBe(before.current);

    // Somebody brings back by hand what it ran: the same host, from and to as in the token.
    await alpha.activate(before.current, "switch");
    const replayed = await story.approve(token);
    // The change is clean by now and comes in by itself, as any clean one; the token has no part in it.
    expect(replayed.host.decision.approval?.became, replayed.result.log).not.toBe("granted");
    expect(replayed.host.decision.reasons.join(" ")).not.toContain("Approved by");
    expect((await alpha.systems()).current).toBe(to);
  });

  test("a risky change that is undone by hand is not brought back by the token that it was approved with", async () => {
    const alpha = lab.host("alpha");
    const { current } = await alpha.systems();
    await throughReplay(story, 4, async (_, to) => {
      expect((await alpha.systems()).current).toBe(to);
      await alpha.activate(current, "switch");
    });
    expect((await alpha.systems()).current).toBe(current);
  });

  test("refused, and not asked again", async () => {
    const before = await lab.host("alpha").systems();
    await throughRejection(story, 5);
    expect(await lab.host("alpha").systems()).toEqual(before);
  });

  test("a run that is cancelled in the middle leaves the host to its supervisor, and the next run tells the truth", async () => {
    const before = story.main;
    const after = story.commit(7);
    const cancelled = await story.push(before, after, { cancelAt: /activating/ });
    expect(cancelled.host.outcome?.outcome, cancelled.result.log).not.toBe("unchanged");
    const next = await story.push(before, after);
    const { current, profile } = await lab.host("alpha").systems();
    const said = next.host.outcome;
    expect([said?.outcome, cancelled.host.outcome?.outcome], `${cancelled.result.log}\n${next.result.log}`).toContainEqual(
      expect.stringMatching(/^(deployed|unchanged)$/),
    );
    expect(current).toBe(profile);
    expect(current).toBe(next.host.state === "unchanged" ? next.host.toplevel : next.host.state === "changed" ? next.host.to : "");
    expect(await story.forge.status(after)).toBe("success");
    expect(forge.violations).toEqual([]);
    if (github) expect(deployments().filter((state) => state === "in_progress" || state === "queued")).toEqual([]);
  });
});
