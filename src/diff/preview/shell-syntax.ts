/**
 * The part of the shell that nixpkgs writes its small builders in (`runCommand`, `writeTextFile`, units, /etc, the toplevel), as a tree. What stands outside of that part
 * becomes `unsupported`, which makes nothing known and nothing wrong.
 */
export type Word = readonly Part[];

export type Part =
  | { readonly kind: "text"; readonly text: string; readonly quoted: boolean }
  | {
      readonly kind: "variable";
      readonly name: string;
      readonly quoted: boolean;
      /** `[@]`, `[*]` or `[key]`. */ readonly index?: Word;
      /** `${!name}`, `${!name[@]}` */ readonly indirect?: true;
      /** `${#name}` */ readonly length?: true;
      readonly change?: Change;
    }
  | { readonly kind: "command"; readonly script: Script; readonly quoted: boolean }
  | { readonly kind: "unsupported"; readonly what: string };

/** `${name:-word}` and its kin; `slice` is `${name:offset:length}`. */
export type Change = { readonly operator: ":-" | "-" | ":+" | "+" | "%" | "%%" | "#" | "##" | "/" | "//" | "slice"; readonly word: Word };

export type Assignment = {
  readonly name: string;
  readonly index?: Word;
  readonly append: boolean;
  readonly value: Word;
  /** `name=(a b)` */ readonly list?: readonly Word[];
};
export type Redirect = {
  readonly operator: ">" | ">>" | "<" | "<<" | "<<<" | ">&" | "&>";
  readonly descriptor: number;
  readonly word: Word;
};

export type Command =
  | {
      readonly kind: "simple";
      readonly assignments: readonly Assignment[];
      readonly words: readonly Word[];
      readonly redirects: readonly Redirect[];
    }
  | {
      readonly kind: "if";
      readonly branches: readonly { readonly condition: Script; readonly body: Script }[];
      readonly otherwise: Script;
      readonly redirects: readonly Redirect[];
    }
  | {
      readonly kind: "for";
      readonly variable: string;
      readonly words: readonly Word[];
      readonly body: Script;
      readonly redirects: readonly Redirect[];
    }
  | {
      readonly kind: "case";
      readonly word: Word;
      readonly branches: readonly { readonly patterns: readonly Word[]; readonly body: Script }[];
      readonly redirects: readonly Redirect[];
    }
  | { readonly kind: "function"; readonly name: string; readonly body: Script; readonly text: string }
  | { readonly kind: "group"; readonly body: Script; readonly subshell: boolean; readonly redirects: readonly Redirect[] }
  /** `[[ … ]]`, its words as they stand. */
  | { readonly kind: "test"; readonly words: readonly Word[]; readonly redirects: readonly Redirect[] }
  | { readonly kind: "unsupported"; readonly what: string; readonly redirects: readonly Redirect[] };

export type Pipeline = { readonly negated: boolean; readonly commands: readonly Command[] };
/** `when` says on which status of what came before this one runs. */
export type Script = readonly { readonly when: "always" | "success" | "failure"; readonly pipeline: Pipeline }[];

/** The text as a word: quoted, so that nothing in it is split or expanded. */
export const plainWord = (text: string): Word => [{ kind: "text", text, quoted: true }];

/** The word's text where nothing in it needs a shell to be known. */
export function literal(word: Word): string | undefined {
  let text = "";
  for (const part of word) {
    if (part.kind !== "text") return undefined;
    text += part.text;
  }
  return text;
}
