import { allCommands } from "./commands.ts";
import { code, table } from "./markdown.ts";
import { keysOf, policySchema, type JsonSchema } from "./policy-schema.ts";

type Part = { readonly name: string; readonly title: string; readonly intro: string };

/** In the order in which somebody who writes a policy comes to them. */
const parts: readonly Part[] = [
  {
    name: "target",
    title: "How a host is reached",
    intro: "`hosts.<name>.target`. Key by key what stands here, else what the flake says for deploy-rs, else for colmena.",
  },
  { name: "group", title: "Groups", intro: "`groups.<name>`." },
  {
    name: "check",
    title: "Checks",
    intro:
      "Members of `apply.checks`, `groups.<name>.checks` and `hosts.<name>.checks`; a host is asked those of all three. They have to pass before the change, and again before it is confirmed.",
  },
  {
    name: "reboot",
    title: "Reboots",
    intro: "`hosts.<name>.reboot`, else `groups.<name>.reboot`. What is not said is as below, never as in the other.",
  },
  { name: "window", title: "Windows", intro: "Members of `reboot.windows`." },
  { name: "rule", title: "Rules", intro: "`rules.<name>`, by the names of [rules.md](rules.md)." },
  {
    name: "facts",
    title: "Facts",
    intro:
      "`hosts.<name>.facts`, and the file of `nixos-deploy-gate diff --facts`. What the host itself says on a deploy needs no fact here. Sizes are bytes.",
  },
];

/** docs/policy.md: every key of `deployGate` with its type, default and sentence. */
export async function policyPage(): Promise<string> {
  const schema = policySchema();
  const reboots = (await allCommands()).some(({ name }) => name === "reboot");
  const sections = parts.map(({ name, title, intro }) => {
    const part = schema.$defs?.[name];
    if (part === undefined) throw new Error(`The policy has no part ${name}.`);
    const later =
      name === "reboot" && !reboots
        ? " In this version they are read to say which reboot is pending and when; nothing reboots by itself."
        : "";
    return `## ${title}\n\n${intro}${later}\n\n${name === "check" ? checks(part) : keys(part, name)}`;
  });
  return `# The policy

Made by \`npm run docs\` from the schema that the program reads the policy with; as JSON Schema for editors: [policy.schema.json](policy.schema.json).

The policy is the flake output \`deployGate\`: plain Nix data, every key optional. A key that is not known is refused, since a misspelt key would be a rule that you believe in
and the gate does not know. A flake without \`deployGate\` is only observed; one whose \`deployGate\` does not evaluate or parse stops the run.

\`\`\`nix
deployGate = {
  hosts.web1 = { deploy = true; group = "web"; canary = true; };
  hosts.web2 = { deploy = true; group = "web"; };
  groups.web = {
    maxUnavailable = 1;
    checks = [ { type = "http"; url = "http://127.0.0.1/"; from = "host"; } ];
    reboot.windows = [ { days = [ "sat" "sun" ]; from = "02:00"; to = "04:00"; zone = "Europe/Berlin"; } ];
  };
  session = "required";
};
\`\`\`

**Which policy counts.** On a pull request the one of the base. On a push, for each host, the stricter, key by key, of the pushed one and the one that was applied to it last. What
got looser is a risky finding of the hosts that it concerns and waits for a person; what got stricter counts at once. A host that is newly handed to the gate waits for a person
once. In a shell the policy that is there counts, since whoever types it holds the key. [examples/policies](../examples/policies) has whole policies.

## All keys

${keys({ ...schema, $defs: {} }, "")}

${sections.join("\n\n")}
`;
}

function keys(schema: JsonSchema, prefix: string): string {
  const rows = keysOf(schema, prefix).map(([key, one]) => [
    code(prefix === "" ? key : key.slice(prefix.length + 1)),
    typeText(one),
    defaultText(one, isRequired(schema, key, prefix)),
    one.description ?? "",
  ]);
  return table(["key", "type", "default", "what it says"], rows);
}

/** Checks have one of four shapes: a key stands once, with the types that have it. */
function checks(schema: JsonSchema): string {
  const shapes = schema.oneOf ?? [];
  const typeOf = (shape: JsonSchema): string => String(shape.properties?.["type"]?.const);
  const rows = keysOf(schema, "check").map(([key, one]) => {
    const name = key.slice("check.".length);
    const having = shapes.filter((shape) => shape.properties?.[name] !== undefined);
    const types = having.length === shapes.length ? "all" : having.map(typeOf).join(", ");
    if (name === "type")
      return [code(name), shapes.map((shape) => `\`"${typeOf(shape)}"\``).join(" or "), "must be given", types, one.description ?? ""];
    const needed = having.every((shape) => shape.required?.includes(name) === true);
    return [code(name), typeText(one), defaultText(one, needed), types, one.description ?? ""];
  });
  return table(["key", "type", "default", "of", "what it says"], rows);
}

function isRequired(schema: JsonSchema, key: string, prefix: string): boolean {
  const name = prefix === "" ? key : key.slice(prefix.length + 1);
  return schema.required?.includes(name) === true;
}

function typeText(schema: JsonSchema): string {
  const { $ref, enum: values, const: constant, anyOf, items, additionalProperties, type } = schema;
  if ($ref !== undefined) {
    const part = parts.find(({ name }) => $ref.endsWith(`/${name}`));
    return part === undefined ? "set" : `[${part.title.toLowerCase()}](#${part.title.toLowerCase().replaceAll(" ", "-")})`;
  }
  if (values !== undefined) return values.map((value) => code(JSON.stringify(value))).join(" or ");
  if (constant !== undefined) return code(JSON.stringify(constant));
  if (anyOf !== undefined) return anyOf.map(typeText).join(" or ");
  switch (type) {
    case "array": {
      const [least, most] = [schema.minItems, schema.maxItems];
      const count = most === undefined ? "" : ` (${least === undefined ? "at most" : `${least} to`} ${most})`;
      return `list of ${items === undefined ? "anything" : typeText(items)}${count}`;
    }
    case "object":
      return typeof additionalProperties === "object" ? `set by name, of ${typeText(additionalProperties)}` : "set";
    case "integer":
    case "number": {
      const word = type === "integer" ? "integer" : "number";
      const { minimum, maximum, exclusiveMinimum } = schema;
      if (minimum !== undefined && maximum !== undefined) return `${word}, ${minimum} to ${maximum}`;
      if (exclusiveMinimum !== undefined && maximum !== undefined) return `${word} above ${exclusiveMinimum}, at most ${maximum}`;
      return word;
    }
    case "string":
      return schema.format === "date" ? 'string like "2026-12-24"' : "string";
    case undefined:
      return "anything";
    default:
      return type;
  }
}

function defaultText(schema: JsonSchema, required: boolean): string {
  if (required) return "must be given";
  // A set that is made of its own keys' defaults has none of its own to show.
  if (schema.default === undefined || (typeof schema.default === "object" && JSON.stringify(schema.default) === "{}")) return "";
  return code(nix(schema.default));
}

function nix(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "[ ]" : `[ ${value.map(nix).join(" ")} ]`;
  return JSON.stringify(value);
}
