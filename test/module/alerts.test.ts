import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { listenCommand } from "../../src/commands/listen.ts";
import { serveWebhooks } from "../../src/io/webhook-server.ts";
import { readPlain } from "../../src/listen/alert.ts";
import { nixVersions } from "../nix/versions.ts";
import { evaluate, root } from "./evaluate.ts";

/** The listener as a service, and the unit that tells it what failed. */
const scratch = mkdtempSync(join(tmpdir(), "gate-alerts-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const listener = (more = "", token = "/run/secrets/token"): string => `{ services.nixos-deploy-gate.listener = {
  enable = true; repository = "me/fleet"; apiUrl = "https://codeberg.org/api/v1"; tokenFile = "${token}"; secretFile = "/run/secrets/alert"; ${more} }; }`;
const onFailure = (
  more = "",
  url = "http://10.0.0.5:9105/alert",
): string => `{ networking.hostName = "web1"; services.nixos-deploy-gate.onFailure = {
  enable = true; url = "${url}"; secretFile = "/run/secrets/alert"; ${more} }; }`;
const template = "nixos-deploy-gate-failed@";

describe.each(nixVersions())("with Nix $version", (nix) => {
  test("the listener is a service with a user, a state and credentials of its own, and options that the program has", () => {
    const made = evaluate(nix, listener(`address = "10.0.0.5:9105"; perHour = 3;`));
    expect(made.failed).toEqual([]);
    const { serviceConfig, wantedBy } = made.systemd.services["nixos-deploy-gate-listener"] ?? {};
    expect(wantedBy).toEqual(["multi-user.target"]);
    expect(serviceConfig).toMatchObject({
      DynamicUser: true,
      StateDirectory: "nixos-deploy-gate-listener",
      LoadCredential: ["token:/run/secrets/token", "secret:/run/secrets/alert"],
      Restart: "always",
    });
    const line = String(serviceConfig?.["ExecStart"]);
    expect(line).toContain('"--repository" "me/fleet"');
    expect(line).toContain('"--address" "10.0.0.5:9105"');
    expect(line).not.toContain("/run/secrets");
    for (const [, name = ""] of line.matchAll(/"--([a-z-]+)"/g)) expect(Object.keys(listenCommand.options)).toContain(name);
  });

  test("a secret in the store is refused, and so is a word that would be another option", () => {
    expect(evaluate(nix, listener("", "/nix/store/x-token")).failed).toEqual([expect.stringContaining("tokenFile is in the Nix store")]);
    expect(() => evaluate(nix, listener(`ref = "-x";`))).toThrow();
    expect(() => evaluate(nix, listener(`workflow = "../x";`))).toThrow();
  });

  test("units that fail start the template with their own name, and the template is not one of them", () => {
    const made = evaluate(nix, onFailure(`units = [ "nginx" "restic" ];`));
    expect(made.failed).toEqual([]);
    expect(made.systemd.services["nginx"]?.onFailure).toEqual([`${template}%n.service`]);
    const unit = made.systemd.services[template];
    expect(unit?.serviceConfig).toMatchObject({ Type: "oneshot", DynamicUser: true, LoadCredential: "secret:/run/secrets/alert" });
    expect(unit?.serviceConfig["ExecStart"]).toMatch(/-tell-failed %i "web1" "http:\/\/10\.0\.0\.5:9105\/alert"$/);
    expect(unit?.onFailure).toEqual([]);
    expect(evaluate(nix, onFailure(`units = [ "${template}" ];`)).failed).toEqual([expect.stringContaining("without end")]);
    expect(evaluate(nix, onFailure("", "http://10.0.0.5:9105/")).failed).toEqual([expect.stringContaining("/alert")]);
  });
});

test("what is told arrives whole, whatever a journal holds, and the secret stands in no argument", async () => {
  const bin = join(scratch, "bin");
  mkdirSync(bin, { recursive: true });
  const program = (name: string, text: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  program("systemctl", `echo Result=exit-code`);
  program(
    "journalctl",
    `printf '%s\\n' "\${3}" 'bind() failed & "quoted" %41 + ü' '@/etc/passwd' "$(head -c 9000 /dev/zero | tr '\\0' x)" 'the end'`,
  );
  program("curl", `tr '\\0' ' ' <"/proc/$$/cmdline" >'${join(scratch, "arguments")}'\nexec /usr/bin/curl "$@"`);
  writeFileSync(join(scratch, "secret"), "sixteen-characters-and-more\n");
  const heard: unknown[] = [];
  const server = await serveWebhooks({
    address: "127.0.0.1",
    port: 0,
    secret: "sixteen-characters-and-more",
    receive: (path, body) => {
      heard.push([path, readPlain(body, new Date(0))]);
      return { status: 202, text: "1 new" };
    },
    health: () => ({ status: 200, text: "ok" }),
    debug: () => undefined,
  });
  try {
    const words = ["nginx@a\\x2db.service", "web1", `http://${server.address}/alert`];
    const child = spawn("/bin/sh", [join(root, "nix/tell-failed.sh"), ...words], {
      env: { PATH: `${bin}:/usr/bin:/bin`, CREDENTIALS_DIRECTORY: scratch, TMPDIR: scratch },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const code = await new Promise((done) => child.on("close", done));
    expect([code, said]).toEqual([0, ""]);
  } finally {
    await server.close();
  }
  const [first] = heard as [string, { ok: boolean; alerts: { host: string; unit: string; name: string; details: string }[] }][];
  expect(heard.length).toBe(1);
  expect(first?.[0]).toBe("/alert");
  const alert = first?.[1].alerts[0];
  expect(alert).toMatchObject({ host: "web1", unit: "nginx@a\\x2db.service", name: "unit-failed" });
  // Its end, which is where the failure is.
  expect(alert?.details.endsWith("the end")).toBe(true);
  expect(readFileSync(join(scratch, "arguments"), "utf8")).not.toContain("sixteen-characters");
});
