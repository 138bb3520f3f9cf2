import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readOwnGoals } from "../../src/commands/own-goal.ts";
import { knownGoals } from "../../src/goal/known-goals.ts";
import { inputNames } from "../../src/inputs.ts";
import { parsePolicy } from "../../src/policy.ts";
import { nixVersions } from "../nix/versions.ts";
import { evaluate, nixEval, root, type Evaluated } from "./evaluate.ts";

/** The example of a fleet that is looked after: everything that starts a goal is there, and each end fits the other. */
const examples = join(root, "examples");
// A flake's outputs without a flake: nixpkgs hands back the modules that it was given.
const outputs = `((import ${examples}/stewardship/flake.nix).outputs {
  nixpkgs.lib.nixosSystem = { modules }: { modules = builtins.tail modules; };
  nixos-deploy-gate.nixosModules.default = { };
})`;
const between = (text: string, from: RegExp): string => from.exec(text)?.[1] ?? "";

describe.each(nixVersions())("with Nix $version", (nix) => {
  const names = nixEval(nix, `builtins.attrNames ${outputs}.nixosConfigurations`) as string[];
  const host = (name: string): Evaluated => evaluate(nix, `{ imports = ${outputs}.nixosConfigurations.${name}.modules; }`);
  const hosts = new Map(names.map((name) => [name, host(name)]));
  const line = (name: string, unit: string): string => String(hosts.get(name)?.systemd.services[unit]?.serviceConfig["ExecStart"]);
  const address = between(line("watch1", "nixos-deploy-gate-listener"), /"--address" "([^"]+)"/);

  test("every host may be deployed to and is whole", () => {
    expect(names).toEqual(["db1", "watch1", "web1"]);
    for (const [name, { failed, systemd }] of hosts) {
      expect([name, failed]).toEqual([name, []]);
      expect(Object.keys(systemd.services)).toContain("nixos-deploy-gate-failed@");
    }
  });

  test("the policy is one, and about hosts that there are", () => {
    const policy = parsePolicy(nixEval(nix, `${outputs}.deployGate`), "examples/stewardship");
    for (const name of Object.keys(policy.hosts)) expect(names).toContain(name);
    for (const name of Object.keys(policy.goals.by)) expect([...knownGoals(readOwnGoals(root), []).keys()]).toContain(name);
  });

  test("a unit that fails and an alert reach the listener, with its secret", () => {
    expect(address).toMatch(/^[\d.]+:\d+$/);
    const secret = between(
      String(hosts.get("watch1")?.systemd.services["nixos-deploy-gate-listener"]?.serviceConfig["LoadCredential"]),
      /secret:([^,]+)/,
    );
    for (const [name, { systemd }] of hosts) {
      const { serviceConfig } = systemd.services["nixos-deploy-gate-failed@"] ?? {};
      expect([name, serviceConfig?.["LoadCredential"]]).toEqual([name, `secret:${secret}`]);
      expect(String(serviceConfig?.["ExecStart"])).toContain(` "${name}" "http://${address}/alert"`);
    }
    for (const [name, unit] of [
      ["web1", "nginx"],
      ["db1", "postgresql"],
      ["watch1", "alertmanager"],
    ] as const)
      expect(hosts.get(name)?.systemd.services[unit]?.onFailure).toEqual(["nixos-deploy-gate-failed@%n.service"]);
    const alertmanager = readFileSync(join(examples, "alerting/alertmanager.yml"), "utf8");
    const { receivers } = parse(alertmanager) as {
      receivers: { webhook_configs?: { url: string; http_config: { authorization: { credentials_file: string } } }[] }[];
    };
    const [webhook] = receivers.flatMap(({ webhook_configs }) => webhook_configs ?? []);
    expect(webhook?.url).toBe(`http://${address}/alertmanager`);
    // systemd lays the same secret there.
    expect(webhook?.http_config.authorization.credentials_file).toBe("/run/credentials/alertmanager.service/deploy-gate-secret");
    expect(hosts.get("watch1")?.systemd.services["alertmanager"]?.serviceConfig["LoadCredential"]).toBe(`deploy-gate-secret:${secret}`);
  });

  test("what the listener starts is a workflow of both forges, which a schedule and a hand start as well", () => {
    const started = line("watch1", "nixos-deploy-gate-listener");
    const workflow = between(started, /"--workflow" "([^"]+)"/);
    const goal = between(started, /"--goal" "([^"]+)"/);
    expect([...knownGoals(readOwnGoals(root), []).keys()]).toContain(goal);
    for (const forge of readdirSync(join(examples, "workflows"))) {
      const { on } = parse(readFileSync(join(examples, "workflows", forge, workflow), "utf8")) as {
        on: { schedule: unknown[]; workflow_dispatch: { inputs: Record<string, unknown> } };
      };
      expect(on.schedule.length).toBeGreaterThan(0);
      for (const input of ["goal", "alert", "text"]) {
        expect(Object.keys(on.workflow_dispatch.inputs)).toContain(input);
        expect(inputNames).toContain(input);
      }
    }
  });
});
