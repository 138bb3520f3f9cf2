import { storeMentions } from "../normalise.ts";
import type { StorePath } from "../system.ts";
import { placeholder } from "./placeholder.ts";

/**
 * What is kept of one derivation. A system has tens of thousands of them in its build closure, most of them packages of which only the name and what they are made from
 * matter: the whole environment is kept only where `build` says how the output is written, which is what nixpkgs does for texts, units, /etc and the toplevel.
 */
export type Derivation = {
  readonly path: string;
  /** Output paths by output name. Absent ones are only known after the build (content-addressed derivations). */
  readonly outputs: ReadonlyMap<string, StorePath>;
  /** A download or another output whose contents are known beforehand: a source, never a package. */
  readonly fixed: boolean;
  /** Store paths that its environment names, those that are only needed to build it left out; a guess at what the output will refer to. */
  readonly mentions: readonly StorePath[];
  /** The toolchain, whose C library everything is linked with. */
  readonly stdenv: StorePath | undefined;
  /** The C library of a compiler wrapper. */
  readonly libc: StorePath | undefined;
  /** Derivations it is built from: only for a toolchain, to find its compiler. */
  readonly inputs: readonly string[];
  readonly build: Build | undefined;
};

/** A build that is a shell script in the derivation itself. */
export type Build = {
  readonly script: string;
  readonly environment: ReadonlyMap<string, string | ReadonlyMap<string, string>>;
  readonly passAsFile: readonly string[];
};

/** Larger than any /etc; a script beyond it is not followed. */
const maxEnvironment = 16 << 20;
const maxMentions = 20_000;

/** What a build needs and its output does not: compilers, sources, checks. */
const onlyForBuilding =
  /^(?:native.*|.*[cC]heck.*|deps(?:Build|Host|Target)(?:Build|Target).*|stdenv|builder|src|srcs|patches|.*[pP]atches|shell|outputs?|out|dev|doc|man|info|lib|bin|passAsFile|initialPath|default.*BuildInputs|cargoDeps|goModules|vendor.*|mavenDeps|npmDeps|.*[rR]eferences|setupHooks?|closureInfo|systemBuildClosure|NIX_.*|.*Phases?|makeFlags|preferLocalBuild|meta|__json|name|pname|version|system)$/;

/** Twenty thousand derivations have a few hundred names of variables between them. */
const knownNames = new Map<string, boolean>();
function isOnlyForBuilding(name: string): boolean {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  const is = onlyForBuilding.test(name);
  if (knownNames.size < 10_000) knownNames.set(name, is);
  return is;
}

/** Reads what is needed of one record. Throws an Error with half a sentence where it has no shape that is known. */
export function readDerivation(key: string, value: unknown, prefix: string): Derivation {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${key} is not an object`);
  const record = value as Readonly<Record<string, unknown>>;
  const full = (path: string): string => (path.startsWith("/") ? path : `${prefix}/${path}`);
  const { outputs, env } = record;
  if (!isRecord(outputs) || !isRecord(env)) throw new Error(`${key} has no outputs or no env`);
  const paths = new Map<string, StorePath>();
  let fixed = false;
  for (const [name, output] of Object.entries(outputs)) {
    if (!isRecord(output)) throw new Error(`an output of ${key} is not an object`);
    if (typeof output["path"] === "string") paths.set(name, full(output["path"]));
    if (output["hash"] !== undefined && output["path"] !== undefined) fixed = true;
  }
  const structured = structuredOf(record, env);
  const variables = structured === undefined ? env : { ...env, ...structured };
  const text = (name: string): string | undefined => (typeof variables[name] === "string" ? variables[name] : undefined);
  const inStore = (name: string): StorePath | undefined => (text(name)?.startsWith(`${prefix}/`) === true ? text(name) : undefined);
  const script = fixed ? undefined : scriptOf(record, text);
  const isToolchain = text("stdenv") === undefined && /-stdenv-/.test(key);
  return {
    path: full(key),
    outputs: paths,
    fixed,
    mentions: fixed ? [] : mentionsOf(variables, script, prefix, new Set(paths.values())),
    stdenv: inStore("stdenv"),
    libc: inStore("libc"),
    inputs: isToolchain ? inputsOf(record).map(full) : [],
    build: script === undefined ? undefined : buildOf(script, env, structured, resolver(paths)),
  };
}

function buildOf(script: string, env: Variables, structured: Variables | undefined, resolve: (text: string) => string): Build | undefined {
  const environment = environmentOf(env, structured, resolve);
  if (size(environment) > maxEnvironment) return undefined;
  const passed = environment.get("passAsFile");
  return {
    script: resolve(script),
    environment,
    passAsFile: typeof passed === "string" ? passed.split(" ").filter((name) => name !== "") : [],
  };
}

type Variables = Readonly<Record<string, unknown>>;

/**
 * The variables of the build. With `__structuredAttrs` they stand as JSON in `__json`, or in a field of their own (Nix 2.33 and later); lists are then lists of the shell.
 */
function environmentOf(
  env: Variables,
  structured: Variables | undefined,
  resolve: (text: string) => string,
): Map<string, string | ReadonlyMap<string, string>> {
  const made = new Map<string, string | ReadonlyMap<string, string>>();
  for (const [name, value] of Object.entries(env)) if (typeof value === "string") made.set(name, resolve(value));
  if (structured === undefined) return made;
  made.delete("__json");
  for (const [name, value] of Object.entries(structured)) {
    if (typeof value === "string" || typeof value === "number") made.set(name, resolve(String(value)));
    else if (typeof value === "boolean") made.set(name, value ? "1" : "");
    else if (Array.isArray(value))
      made.set(name, new Map(value.filter(isPlain).map((item, index) => [String(index), resolve(String(item))])));
    else if (isRecord(value))
      made.set(
        name,
        new Map(
          Object.entries(value)
            .filter(([, item]) => isPlain(item))
            .map(([at, item]) => [at, resolve(String(item))]),
        ),
      );
  }
  return made;
}

function structuredOf(record: Variables, env: Variables): Variables | undefined {
  const structured = record["structuredAttrs"] ?? parse(env["__json"]);
  return isRecord(structured) ? structured : undefined;
}

/** Puts the output paths in place of their placeholders, as Nix does before it builds. */
function resolver(outputs: ReadonlyMap<string, StorePath>): (text: string) => string {
  const holes = [...outputs].map(([name, path]) => [placeholder(name), path] as const);
  return (text) => holes.reduce((made, [hole, path]) => (made.includes(hole) ? made.replaceAll(hole, path) : made), text);
}

/** The script of `runCommand` and all that is made from it, or of a plain `sh -c`. */
function scriptOf(record: Variables, text: (name: string) => string | undefined): string | undefined {
  const { args, builder } = record;
  const words = Array.isArray(args) ? args.filter((word): word is string => typeof word === "string") : [];
  if (typeof builder === "string" && /(?:^|\/)(?:ba|da)?sh$/.test(builder) && words.length === 2 && /^-[a-z]*c[a-z]*$/.test(words[0] ?? ""))
    return words[1];
  const command = text("buildCommand");
  // `builder.pl` and the like: buildEnv says what it joins in variables that only its program understands.
  return command !== undefined && typeof builder === "string" && /(?:ba)?sh$/.test(builder) ? command : undefined;
}

function mentionsOf(variables: Variables, script: string | undefined, prefix: string, own: ReadonlySet<string>): readonly StorePath[] {
  const found = new Set<StorePath>();
  const look = (text: string): void => {
    if (!text.includes(prefix)) return;
    for (const { root } of storeMentions(text, prefix, maxMentions)) if (!own.has(root)) found.add(root);
  };
  for (const [name, value] of Object.entries(variables)) {
    if (isOnlyForBuilding(name)) continue;
    // Lists of lists too: buildEnv names its packages in one.
    look(typeof value === "string" ? value : JSON.stringify(value));
  }
  // A plain `sh -c` has its script in no variable.
  if (script !== undefined && script !== variables["buildCommand"]) look(script);
  return [...found];
}

function inputsOf(record: Readonly<Record<string, unknown>>): readonly string[] {
  const drvs = isRecord(record["inputs"]) ? record["inputs"]["drvs"] : record["inputDrvs"];
  return isRecord(drvs) ? Object.keys(drvs) : [];
}

function size(environment: ReadonlyMap<string, string | ReadonlyMap<string, string>>): number {
  let sum = 0;
  for (const value of environment.values()) if (typeof value === "string") sum += value.length;
  return sum;
}

function parse(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isPlain = (value: unknown): value is string | number => typeof value === "string" || typeof value === "number";
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
