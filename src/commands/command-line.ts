import { parseArgs, stripVTControlCharacters, styleText } from "node:util";
import { type ExitCode, type Failure, GateError, gateError } from "../failure.ts";
import type { Command, Options, Shell } from "./shell.ts";

/** Each is loaded when it is asked for, so that none pays for the others. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import("./init.ts")).initCommand,
  doctor: async () => (await import("./doctor.ts")).doctorCommand,
  plan: async () => (await import("./plan.ts")).planCommand,
  deploy: async () => (await import("./deploy.ts")).deployCommand,
  reboot: async () => (await import("./reboot.ts")).rebootCommand,
  join: async () => (await import("./join.ts")).joinCommand,
  diff: async () => (await import("./diff.ts")).diffCommand,
  context: async () => (await import("./context.ts")).contextCommand,
  goal: async () => (await import("./goal.ts")).goalCommand,
  rollback: async () => (await import("./rollback.ts")).rollbackCommand,
  verify: async () => (await import("./verify.ts")).verifyCommand,
  status: async () => (await import("./status.ts")).statusCommand,
  diagnose: async () => (await import("./diagnose.ts")).diagnoseCommand,
  listen: async () => (await import("./listen.ts")).listenCommand,
  rules: async () => (await import("./rules.ts")).rulesCommand,
};
/** Not for people. */
const hidden: typeof commands = {
  "session-tools": async () => (await import("./session-tools.ts")).sessionToolsCommand,
};

const common = {
  help: { type: "boolean", short: "h", help: "show this" },
} as const;

/** Runs one command line to its exit code. Nothing is thrown: a failure is printed with its code, its sentence and the next command to type. */
export async function commandLine(words: readonly string[], shell: Shell, version: string): Promise<ExitCode> {
  try {
    return await dispatch(words, shell, version);
  } catch (error) {
    if (error instanceof GateError) {
      shell.error(failureText(error.failure, shell));
      return error.exit;
    }
    const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    shell.error(failureText(gateError("internal", {}, cause).failure, shell));
    return 4;
  }
}

async function dispatch(words: readonly string[], shell: Shell, version: string): Promise<ExitCode> {
  const [name, ...rest] = words;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const asked = name === "help" && rest[0] !== undefined ? await find(rest[0]) : undefined;
    shell.out(asked === undefined ? await overview(version) : helpOf(asked));
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "version") {
    shell.out(`nixos-deploy-gate ${version}\n`);
    return 0;
  }
  const command = await find(name);
  const { positionals, options } = parse(command, rest);
  if (options["help"] === true) {
    shell.out(helpOf(command));
    return 0;
  }
  const [least, most] = command.words;
  if (positionals.length < least || positionals.length > most)
    throw gateError("usage", {
      problem: `"${command.name}" takes ${least === most ? least : `${least} to ${most}`} words; this has ${positionals.length}.`,
      command: command.name,
    });
  return await command.run(positionals, options, shell);
}

async function find(name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : Object.hasOwn(hidden, name) ? hidden[name] : undefined;
  if (load !== undefined) return await load();
  throw gateError("usage", {
    problem: `There is no command "${stripVTControlCharacters(name)}"; there are ${Object.keys(commands).join(", ")}.`,
  });
}

function parse(command: Command, words: readonly string[]): { positionals: readonly string[]; options: Options } {
  try {
    const all = { ...command.options, ...common };
    const config = Object.fromEntries(
      Object.entries(all).map(([name, option]) => [
        name,
        option.short === undefined ? { type: option.type } : { type: option.type, short: option.short },
      ]),
    );
    const { positionals, values } = parseArgs({ args: [...words], options: config, allowPositionals: true, strict: true });
    return { positionals, options: values };
  } catch (error) {
    const problem = error instanceof Error ? (error.message.split(". To specify")[0] ?? error.message) : String(error);
    throw gateError("usage", { problem: `${problem.replace(/\.?$/, ".")}`, command: command.name }, undefined, error);
  }
}

async function overview(version: string): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  const width = Math.max(...all.map((command) => command.name.length));
  const list = all.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`).join("\n");
  return `nixos-deploy-gate ${version}: what a change does to every NixOS host of a flake, before it does it

Usage: nixos-deploy-gate COMMAND [options]

${list}

nixos-deploy-gate COMMAND --help tells more. Exit codes: 0 done, 1 a host failed, 2 usage or configuration,
3 held for a person, 4 the gate itself could not run.
`;
}

function helpOf(command: Command): string {
  const all: Command["options"] = { ...command.options, ...common };
  const rows = Object.entries(all).map(([name, option]): readonly [string, string] => {
    const flag = `--${name}${option.value === undefined ? "" : ` ${option.value}`}`;
    return [option.short === undefined ? `    ${flag}` : `-${option.short}, ${flag}`, option.help];
  });
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return `${command.summary}

Usage: nixos-deploy-gate ${command.usage}

${rows.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`).join("\n")}

Examples:
${command.examples.map((example) => `  ${example}`).join("\n")}
`;
}

/** A failure as a person reads it in a shell. What the tool underneath said is stripped of escape sequences: it is not ours. */
export function failureText(failure: Failure, shell: Pick<Shell, "terminal">): string {
  const paint = (style: "red" | "bold" | "dim", text: string): string =>
    shell.terminal.color ? styleText(style, text, { validateStream: false }) : text;
  const printable = (text: string): string => stripVTControlCharacters(text).replace(/[^\P{C}\n\t]/gu, "�");
  const detail = failure.detail === undefined ? "" : `\n${printable(failure.detail).trimEnd().replace(/^/gm, "    ")}\n`;
  return `${paint("red", "error:")} ${paint("bold", printable(failure.message))} ${paint("dim", `[${failure.code}]`)}${detail}\n${paint("dim", "next:")}  ${printable(failure.next)}\n`;
}
