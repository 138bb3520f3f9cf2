import * as z from "zod";
import { HostFacts, RuleSetting } from "../../src/classify/host-facts.ts";
import { Check, GroupPolicy, TargetPolicy } from "../../src/policy-deploy.ts";
import { Policy } from "../../src/policy.ts";
import { RebootPolicy, Window } from "../../src/reboot/window-policy.ts";
import { policySentences } from "./policy-sentences.ts";

/** As much of a JSON Schema as zod writes. */
export type JsonSchema = {
  $schema?: string;
  $id?: string;
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  title?: string;
  description?: string;
  type?: string;
  enum?: readonly unknown[];
  const?: unknown;
  default?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: readonly string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minItems?: number;
  maxItems?: number;
};

/** The parts of the policy that stand in more than one place, each described once. */
const parts = {
  target: TargetPolicy,
  facts: HostFacts,
  group: GroupPolicy,
  check: Check,
  rule: RuleSetting,
  reboot: RebootPolicy,
  window: Window,
};

/** The schema of `deployGate` as somebody writes it, every key with its sentence. Throws where a key has none. */
export function policySchema(): JsonSchema {
  const names = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(parts)) names.add(schema, { id });
  const made = z.toJSONSchema(Policy, { io: "input", metadata: names }) as JsonSchema;
  describe(made, "");
  for (const [name, schema] of Object.entries(made.$defs ?? {})) describe(schema, name);
  const { $schema, ...rest } = made;
  return { ...($schema === undefined ? {} : { $schema }), title: "deployGate: the policy of nixos-deploy-gate", ...rest };
}

/** The keys that a schema has below `prefix`, those of its sets, lists and alternatives too, each once and as written in docs/policy.md. */
export function keysOf(schema: JsonSchema, prefix: string): [key: string, schema: JsonSchema][] {
  const found = new Map<string, JsonSchema>();
  const look = (one: JsonSchema, at: string): void => {
    for (const [name, inner] of Object.entries(one.properties ?? {})) {
      const key = at === "" ? name : `${at}.${name}`;
      if (!found.has(key)) found.set(key, inner);
      look(inner, key);
    }
    if (typeof one.additionalProperties === "object") look(one.additionalProperties, `${at}.<name>`);
    for (const inner of [...(one.items === undefined ? [] : [one.items]), ...(one.anyOf ?? []), ...(one.oneOf ?? [])]) look(inner, at);
  };
  look(schema, prefix);
  return [...found];
}

function describe(schema: JsonSchema, at: string): void {
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const key = at === "" ? name : `${at}.${name}`;
    const sentence = policySentences[key];
    if (sentence === undefined) throw new Error(`The policy's key ${key} has no sentence in test/docs/policy-sentences.ts.`);
    inner.description = sentence;
    describe(inner, key);
  }
  if (typeof schema.additionalProperties === "object") describe(schema.additionalProperties, `${at}.<name>`);
  for (const inner of [...(schema.items === undefined ? [] : [schema.items]), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])])
    describe(inner, at);
}
