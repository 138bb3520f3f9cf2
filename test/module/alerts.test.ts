import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
    const made = evaluate(nix, onFailure(`units = [ "nginx" "restic" "a\\\\x2db@" ];`));
    expect(made.failed).toEqual([]);
    expect(made.systemd.services["nginx"]?.onFailure).toEqual([`${template}%n.service`]);
    expect(made.systemd.services["a\\x2db@"]?.onFailure).toEqual([`${template}%n.service`]);
    const unit = made.systemd.services[template];
    expect(unit?.serviceConfig).toMatchObject({
      Type: "exec",
      Restart: "on-failure",
      DynamicUser: true,
      LoadCredential: "secret:/run/secrets/alert",
    });
    expect(unit?.serviceConfig["ExecStart"]).toMatch(/-tell-failed %i "web1" "http:\/\/10\.0\.0\.5:9105\/alert"$/);
    expect(unit?.onFailure).toEqual([]);
    expect(evaluate(nix, onFailure(`units = [ "${template}" ];`)).failed).toEqual([expect.stringContaining("without end")]);
    expect(evaluate(nix, onFailure("", "http://10.0.0.5:9105/")).failed).toEqual([expect.stringContaining("/alert")]);
  });
});

describe("the program that tells", () => {
  const secret = "sixteen-characters-and-more";
  const unit = "nginx@a\\x2db.service";
  const kept = join(scratch, "kept");
  beforeAll(() => {
    mkdirSync(kept);
    const bin = join(scratch, "bin");
    mkdirSync(bin, { recursive: true });
    const program = (name: string, text: string): void => {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(bin, name), 0o755);
    };
    program("systemctl", `echo Result=exit-code`);
    program(
      "journalctl",
      `printf '%s\\n' 'bind() failed & "quoted" %41 + ü' '@/etc/passwd' "$(head -c 5000 /dev/zero | tr '\\0' x)" 'the end'`,
    );
    program("curl", `tr '\\0' ' ' <"/proc/$$/cmdline" >'${join(scratch, "arguments")}'\nexec /usr/bin/curl "$@"`);
    writeFileSync(join(scratch, "secret"), `${secret}\n`);
  });

  /** Its rests take no time; `onRest` is what happens meanwhile. */
  const tell = async (url: string, onRest = ""): Promise<readonly [code: number | null, said: string]> => {
    writeFileSync(join(scratch, "bin/sleep"), `#!/bin/sh\n${onRest}\n`, { mode: 0o755 });
    const child = spawn("/bin/sh", [join(root, "nix/tell-failed.sh"), unit, "web1", url], {
      env: {
        PATH: `${join(scratch, "bin")}:/usr/bin:/bin`,
        CREDENTIALS_DIRECTORY: scratch,
        TMPDIR: kept,
        MONITOR_SERVICE_RESULT: "exit-code",
        MONITOR_EXIT_STATUS: "3",
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    return [await new Promise((done) => child.on("close", done)), said];
  };
  const heardBy = async (status: number | number[], ask: (url: string) => Promise<void>, known = secret): Promise<unknown[]> => {
    const heard: unknown[] = [];
    const receive = (path: string, body: unknown) => {
      heard.push([path, readPlain(body, new Date(0))]);
      return { status: typeof status === "number" ? status : (status.shift() ?? 500), text: "said" };
    };
    const health = () => ({ status: 200, text: "ok" });
    const server = await serveWebhooks({ address: "127.0.0.1", port: 0, secret: known, receive, health, debug: () => undefined });
    try {
      await ask(`http://${server.address}/alert`);
    } finally {
      await server.close();
    }
    return heard;
  };

  test("hands it over whole, whatever a journal holds, and the secret stands in no argument", async () => {
    const heard = (await heardBy(202, async (url) => expect(await tell(url)).toEqual([0, ""]))) as [
      string,
      { alerts: { host: string; unit: string; name: string; details: string }[] },
    ][];
    expect(heard.map(([path]) => path)).toEqual(["/alert"]);
    const alert = heard[0]?.[1].alerts[0];
    expect(alert).toMatchObject({ host: "web1", unit, name: "unit-failed" });
    // Its end, which is where the failure is.
    expect(alert?.details.endsWith("the end")).toBe(true);
    expect(readFileSync(join(scratch, "arguments"), "utf8")).not.toContain(secret);
    expect(readdirSync(kept)).toEqual([]);
  });

  test.each([
    ["is away", 0, secret, /does not answer/],
    ["cannot keep it now", 503, secret, /HTTP 503/],
    ["has another secret", 202, "another-secret-of-senders", /does not know the secret/],
  ])(
    "tries for an hour where the listener %s, at longer and longer rests, and is then seen to fail",
    async (_what, status, known, sentence) => {
      const ask = async (url: string): Promise<void> => {
        const [code, said] = await tell(url);
        expect([code, said]).toEqual([75, expect.stringMatching(sentence)]);
        expect(said).toContain(unit);
        const rests = [...said.matchAll(/again in (\d+) s/g)].map(([, rest]) => Number(rest));
        expect(rests.slice(0, 8)).toEqual([5, 10, 20, 40, 80, 160, 300, 300]);
        expect(rests.reduce((sum, rest) => sum + rest, 0)).toBeLessThan(4_000);
        expect(said.trimEnd()).toMatch(/could not be told for an hour\.$/);
      };
      if (status === 0) await ask("http://127.0.0.1:9/alert");
      else await heardBy(status, ask, known);
      expect(readdirSync(kept)).toEqual([]);
    },
  );

  test("tells what the unit said when it failed, once the listener is back", async () => {
    // Its second rest is the first between two tries: the journal is another then, and the secret is right.
    const mends = `[ -e '${scratch}/rested' ] || { : >'${scratch}/rested'; exit; }; printf '#!/bin/sh\necho later' >'${scratch}/bin/journalctl'`;
    const heard = await heardBy([503, 202], async (url) => expect((await tell(url, mends))[0]).toBe(0));
    expect(heard).toHaveLength(2);
    expect(JSON.stringify(heard[1])).toContain("the end");
    expect(JSON.stringify(heard[1])).toContain("ExecMainStatus=3");
  });

  test("gives up, and says so, where the listener will never take it", async () => {
    await heardBy(400, async (url) => {
      const [code, said] = await tell(url);
      // What RestartPreventExitStatus= of the unit names.
      expect([code, said]).toEqual([64, expect.stringContaining("nobody was told")]);
    });
  });
});
