import * as z from "zod";

/** What a tool says. `refused`: it was asked for what is outside of its case; the sentence is ours. */
export type ToolAnswer =
  /** Untrusted text. Whoever carries it to a session bounds and redacts it; `keep` tells which part is worth most, `path` where it comes from. */
  { readonly text: string; readonly keep: "head" | "tail"; readonly path?: string } | { readonly refused: string };

/**
 * A row of a table of tools: what a session may ask while it thinks. `Ports` is what the case is about and the ways to ask it; a tool reaches nothing else, so that it
 * cannot be talked into another host, file or command. None of them changes anything.
 */
export type Tool<Ports> = {
  /** `[a-z_]{1,40}` */
  readonly name: string;
  /** For the model: what it tells and what it does not. */
  readonly description: string;
  /** Draft-07 JSON Schema of the arguments. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Parses the arguments first; what has another shape is refused with the reason. */
  readonly ask: (ports: Ports, given: unknown) => Promise<ToolAnswer>;
};

/** Makes a row: arguments are parsed once, here, and trusted by `call`. */
export function tool<Shape extends z.ZodObject, Ports>(row: {
  readonly name: string;
  readonly description: string;
  /** Strict, so that an argument nobody knows is refused and not passed over. */
  readonly input: Shape;
  readonly call: (ports: Ports, input: z.infer<Shape>) => Promise<ToolAnswer>;
}): Tool<Ports> {
  return {
    name: row.name,
    description: row.description,
    inputSchema: z.toJSONSchema(row.input, { target: "draft-7", io: "input" }),
    ask: async (ports, given) => {
      const parsed = row.input.safeParse(given);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        return { refused: `These arguments do not fit: ${issue?.path.join(".") || "all"}: ${(issue?.message ?? "").slice(0, 200)}.` };
      }
      return await row.call(ports, parsed.data);
    },
  };
}

/** Rows of several tables in one: each is given what it asks by beforehand. */
export const bound = <Ports>(table: readonly Tool<Ports>[], ports: Ports): readonly Tool<undefined>[] =>
  table.map((row) => ({ ...row, ask: async (_nothing, given) => await row.ask(ports, given) }));
