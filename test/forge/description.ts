import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";

/** A forge's own description of its API, as a judge of requests and answers and as a source of answers that are complete. */
export type DescriptionName = "github" | "forgejo-15" | "forgejo-16";

type Schema = { [key: string]: unknown };
type Parameter = { name: string; in: string; required?: boolean; type?: string; schema?: Schema };
type Operation = {
  parameters?: (Parameter | { $ref: string })[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, Schema>;
};

const isObject = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value);

/** OpenAPI 3.0 writes `nullable` where JSON Schema has a type; ajv knows it only beside `type` and forgets it beside `enum`. */
function withNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNull);
  if (!isObject(value)) return value;
  const { nullable, ...rest } = value;
  const inner = Object.fromEntries(Object.entries(rest).map(([key, child]) => [key, withNull(child)]));
  return nullable === true ? { anyOf: [inner, { type: "null" }] } : inner;
}

/** A query is text; what it stands for is what the parameter says. */
function queryValue({ type, schema }: Parameter, value: string): unknown {
  const meant = type ?? schema?.["type"];
  if (meant === "integer" && /^\d+$/.test(value)) return Number(value);
  return meant === "boolean" && /^(true|false)$/.test(value) ? value === "true" : value;
}

export class Description {
  readonly #document: Schema;
  readonly #ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(name: DescriptionName) {
    this.#document = withNull(JSON.parse(readFileSync(join(import.meta.dirname, `../fixtures/openapi/${name}.json`), "utf8"))) as Schema;
    // Swagger 2 has no word for null. Where the forge knows no account by an e-mail address its pointer is nil, and JSON says so.
    const commit = (this.#document["definitions"] as Record<string, { properties: Schema }> | undefined)?.["Commit"]?.properties;
    for (const who of ["author", "committer"]) if (commit !== undefined) commit[who] = { anyOf: [commit[who], { type: "null" }] };
    this.#ajv.addSchema({ ...this.#document, $id: "forge" });
  }

  /** The described route of a request, or undefined where the forge has none. `path` has no query and no base path. */
  route(method: string, path: string): { template: string; values: Record<string, string>; operation: Operation } | undefined {
    for (const [template, methods] of Object.entries(this.#document["paths"] as Record<string, Record<string, Operation>>)) {
      const names = [...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
      const match = new RegExp(`^${template.replace(/\{\w+\}/g, "([^/]+)")}$`).exec(path);
      const operation = methods[method.toLowerCase()];
      if (match !== null && operation !== undefined)
        return { template, operation, values: Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(match[i + 1] ?? "")])) };
    }
    return undefined;
  }

  /** What is wrong with a request, as sentences. */
  requestProblems(method: string, path: string, query: URLSearchParams, body: unknown): string[] {
    const route = this.route(method, path);
    if (route === undefined) return [`${method} ${path}: no such route`];
    const parameters = (route.operation.parameters ?? []).map((parameter) =>
      "$ref" in parameter ? (this.#at(parameter.$ref) as Parameter) : parameter,
    );
    const problems: string[] = [];
    for (const [name, value] of query) {
      const known = parameters.find((parameter) => parameter.in === "query" && parameter.name === name);
      if (known === undefined) problems.push(`${method} ${path}: query "${name}" is not described`);
      else problems.push(...this.#check(known.schema ?? { type: known.type }, queryValue(known, value), `query "${name}"`));
    }
    for (const parameter of parameters.filter((one) => one.in === "path")) {
      const value = route.values[parameter.name] ?? "";
      problems.push(
        ...this.#check(
          parameter.schema ?? { type: parameter.type },
          /^\d+$/.test(value) && JSON.stringify(parameter).includes("integer") ? Number(value) : value,
          `path "${parameter.name}"`,
        ),
      );
    }
    const bodySchema =
      route.operation.requestBody?.content["application/json"]?.schema ?? parameters.find((parameter) => parameter.in === "body")?.schema;
    if (bodySchema !== undefined) {
      problems.push(...this.#check(bodySchema, body, `${method} ${path} body`));
      const shape = this.#resolve(bodySchema);
      const known = Object.keys((shape["properties"] as Schema | undefined) ?? {});
      for (const key of Object.keys(isObject(body) ? body : {}))
        if (!known.includes(key)) problems.push(`${method} ${path}: body has "${key}", which is not described`);
    } else if (body !== undefined) problems.push(`${method} ${path}: a body where none is described`);
    return problems;
  }

  /** What is wrong with an answer; nothing where the description has no schema for that status. */
  answerProblems(method: string, path: string, status: number, body: unknown): string[] {
    const schema = this.#answerSchema(method, path, status);
    if (schema === "undescribed") return [`${method} ${path}: status ${status} is not described`];
    return schema === undefined ? [] : this.#check(schema, body, `${method} ${path} answer ${status}`);
  }

  /** A complete answer with the fewest fields and placeholder values, `values` laid over it. */
  sample(method: string, path: string, status: number, values: Schema): Schema {
    const schema = this.#answerSchema(method, path, status);
    if (schema === undefined || schema === "undescribed") return values;
    const resolved = this.#resolve(schema);
    const one = resolved["type"] === "array" ? (resolved["items"] as Schema) : schema;
    return overlay(this.#sampleOf(one), values);
  }

  #answerSchema(method: string, path: string, status: number): Schema | undefined | "undescribed" {
    const described = this.route(method, path)?.operation.responses[String(status)];
    if (described === undefined) return "undescribed";
    const response = typeof described["$ref"] === "string" ? (this.#at(described["$ref"]) as Schema) : described;
    const content = response["content"] as Record<string, { schema: Schema }> | undefined;
    return content?.["application/json"]?.schema ?? (response["schema"] as Schema | undefined);
  }

  #at(reference: string): unknown {
    return reference
      .slice(2)
      .split("/")
      .reduce<unknown>((value, key) => (isObject(value) ? value[key.replaceAll("~1", "/")] : undefined), this.#document);
  }

  #resolve(schema: Schema): Schema {
    return typeof schema["$ref"] === "string" ? this.#resolve(this.#at(schema["$ref"]) as Schema) : schema;
  }

  #check(schema: Schema, value: unknown, what: string): string[] {
    const key = JSON.stringify(schema);
    let validate = this.#validators.get(key);
    if (validate === undefined) {
      // References in the description are to its own root.
      validate = this.#ajv.compile(JSON.parse(key.replaceAll('"$ref":"#/', '"$ref":"forge#/')) as Schema);
      this.#validators.set(key, validate);
    }
    return validate(value)
      ? []
      : (validate.errors ?? []).slice(0, 3).map((error) => `${what}${error.instancePath}: ${error.message ?? ""}`);
  }

  #sampleOf(schema: Schema): unknown {
    const resolved = this.#resolve(schema);
    const choices = (resolved["anyOf"] ?? resolved["oneOf"]) as Schema[] | undefined;
    if (choices !== undefined) return choices.some((choice) => choice["type"] === "null") ? null : this.#sampleOf(choices[0] ?? {});
    if (Array.isArray(resolved["allOf"]))
      return (resolved["allOf"] as Schema[])
        .map((part) => this.#sampleOf(part))
        .reduce<unknown>(overlay as (a: unknown, b: unknown) => unknown, {});
    if (Array.isArray(resolved["enum"])) return resolved["enum"][0];
    switch (resolved["type"]) {
      case "string":
        return resolved["format"] === "date-time" ? "2026-11-22T12:00:00Z" : resolved["format"] === "uri" ? "http://127.0.0.1/" : "";
      case "integer":
      case "number":
        return 1;
      case "boolean":
        return false;
      case "array":
        return [];
      default: {
        const properties = (resolved["properties"] ?? {}) as Record<string, Schema>;
        const required = (resolved["required"] ?? []) as string[];
        return Object.fromEntries(
          required.flatMap((name) => (properties[name] === undefined ? [] : [[name, this.#sampleOf(properties[name])]])),
        );
      }
    }
  }
}

/** Objects are merged, everything else is replaced. */
function overlay(under: unknown, over: unknown): Schema {
  if (!isObject(under) || !isObject(over)) return over as Schema;
  const keys = new Set([...Object.keys(under), ...Object.keys(over)]);
  return Object.fromEntries(
    [...keys].map((key) => [key, key in over ? (key in under ? overlay(under[key], over[key]) : over[key]) : under[key]]),
  );
}
