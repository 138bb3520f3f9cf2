import * as z from "zod";
import type { FlakeAnswer, FlakePorts } from "./flake-ports.ts";
import { tool, type ToolAnswer } from "./tool.ts";

const Option = z
  .string()
  .max(300)
  .regex(
    /^[A-Za-z_][\w'-]*(?:\.(?:[A-Za-z_][\w'-]*|"[^"\\$\p{C}]{1,200}"))*$/u,
    'it is not the path of an option like services.nginx.virtualHosts."example.org".root',
  )
  .describe('like services.nginx.enable or services.nginx.virtualHosts."example.org".root');
const Host = z.string().max(63).describe("name of a host of the flake");

/** The names of an option's path, quotes taken off. */
function optionPath(option: string): readonly string[] {
  return [...option.matchAll(/"([^"]*)"|([^."]+)/g)].map((part) => part[1] ?? part[2] ?? "");
}

const said = (answer: FlakeAnswer): ToolAnswer =>
  answer.ok ? { text: answer.text, keep: "head" } : { refused: answer.problem.slice(0, 2_000) };

const known = ({ hosts }: FlakePorts, host: string): ToolAnswer | undefined =>
  hosts.includes(host) ? undefined : { refused: `The goal is not about that host; hosts: ${hosts.slice(0, 30).join(", ")}.` };

export const flakeOption = tool({
  name: "option_value",
  description:
    "What an option of a host evaluates to in your copy of the repository, as JSON. What cannot be shown as JSON is refused with Nix's message.",
  input: z.strictObject({ host: Host, option: Option }),
  call: async (ports: FlakePorts, { host, option }) => known(ports, host) ?? said(await ports.option(host, optionPath(option))),
});

export const flakeOptionDocs = tool({
  name: "option_docs",
  description: "What an option of NixOS is for: its type, default, description and the files that set it, as this host's nixpkgs has it.",
  input: z.strictObject({ host: Host, option: Option }),
  call: async (ports: FlakePorts, { host, option }) => known(ports, host) ?? said(await ports.describe(host, optionPath(option))),
});

export const flakePlan = tool({
  name: "plan",
  description:
    "Builds hosts from your copy of the repository, compares each with what the repository had before, and tells what would happen on merge: verdict, packages, units, files. Takes minutes; ask when you believe that you are done.",
  input: z.strictObject({ hosts: z.array(Host).max(50).default([]).describe("empty for all that the goal is about") }),
  call: async (ports: FlakePorts, { hosts }) => {
    const foreign = hosts.find((host) => !ports.hosts.includes(host));
    return (foreign === undefined ? undefined : known(ports, foreign)) ?? said(await ports.plan(hosts.length === 0 ? ports.hosts : hosts));
  },
});
