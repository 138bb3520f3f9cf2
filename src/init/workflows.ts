/** What the workflows of examples/workflows are made to say for one repository. The examples are the one source of their text: here only words in it are replaced. */
export type WorkflowWords = {
  readonly forge: "github" | "forgejo";
  /** What stands behind `uses:`, `owner/name@<40 hex>` or `https://host/owner/name@<40 hex>`; undefined leaves the example's placeholder. */
  readonly action: string | undefined;
  /** The branch that is deployed. */
  readonly branch: string;
  /** The label of the runner; undefined leaves the example's. */
  readonly runner: string | undefined;
  /** The flake's directory in the repository; empty for its root. */
  readonly directory: string;
};

export const workflowFolder = { github: ".github/workflows", forgejo: ".forgejo/workflows" } as const;
export const workflowNames = ["pull-request.yml", "deploy.yml", "approve.yml", "schedule.yml"] as const;

/** Of branches that need no quotes in YAML and are no pattern of a forge. */
export const plainBranch = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$/;
export const plainLabel = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** A commit, since what a branch or a tag names is whatever its owner makes of it tomorrow. */
export const actionReference = {
  github: /^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+@[0-9a-f]{40}$/,
  forgejo: /^https?:\/\/[A-Za-z0-9.:-]+(?:\/[A-Za-z0-9_.-]+){2,6}@[0-9a-f]{40}$/,
} as const;

const uses = /^(\s{0,40})(- )?(uses: )(\S{0,300}?deploy-gate[\w.-]{0,100}@[0-9a-f]{40})( #.*)?$/;
const placeholder = /your-organisation\/|@0{40}\b/;

/** Lines that still name no commit of the gate. */
export function placeholderLines(text: string): string[] {
  return text.split("\n").filter((line) => /uses:/.test(line) && /deploy-gate/.test(line) && placeholder.test(line));
}

/** What a deploy.yml that stands there says already: a file that comes later is to say the same. */
export function wordsOf(text: string): Partial<Pick<WorkflowWords, "branch" | "runner">> {
  if (!text.split("\n").some((line) => uses.test(line))) return {};
  const branch = /^\s*branches: \[(\S+)\]$/m.exec(text)?.[1];
  const runner = /^\s*runs-on: (\S+)$/m.exec(text)?.[1];
  return {
    ...(branch !== undefined && plainBranch.test(branch) ? { branch } : {}),
    ...(runner !== undefined && plainLabel.test(runner) ? { runner } : {}),
  };
}

/** An example as this repository needs it. Throws for an example that does not start the gate, which would be a mistake of ours. */
export function workflowText(example: string, words: WorkflowWords): string {
  const lines: string[] = [];
  const all = example.split("\n");
  let found = 0;
  for (const [index, line] of all.entries()) {
    const match = uses.exec(line);
    if (match === null) {
      lines.push(plainLine(line, words));
      continue;
    }
    found += 1;
    const [, indent = "", dash = "", word = "", reference = ""] = match;
    const comment = words.action === undefined ? (match[5] ?? "") : "";
    lines.push(`${indent}${dash}${word}${words.action ?? reference}${comment}`);
    if (words.directory === "") continue;
    const inner = `${indent}${dash === "" ? "" : "  "}`;
    const has = all[index + 1]?.trim() === "with:";
    // The list of inputs is there already where the next line begins it.
    if (!has) lines.push(`${inner}with:`, `${inner}  flake: ${JSON.stringify(`./${words.directory}`)}`);
  }
  if (found === 0) throw new Error("The example does not start the gate.");
  return words.directory === "" ? lines.join("\n") : withFlake(lines, words.directory).join("\n");
}

/** Puts the flake's place into the inputs that a step of the gate has already. */
function withFlake(lines: readonly string[], directory: string): string[] {
  return lines.flatMap((line, index) => {
    const before = lines[index - 1];
    if (line.trim() !== "with:" || before === undefined || !uses.test(before) || lines[index + 1]?.trim().startsWith("flake:") === true)
      return [line];
    const indent = /^\s*/.exec(line)?.[0] ?? "";
    return [line, `${indent}  flake: ${JSON.stringify(`./${directory}`)}`];
  });
}

function plainLine(line: string, { branch, runner }: WorkflowWords): string {
  if (/^\s*#/.test(line)) {
    const named = line.replace(/\bmain\b/g, branch);
    return runner === undefined ? named : named.replace(/the label "nix"/g, `the label "${runner}"`);
  }
  if (/^\s*(?:branches: \[main\]|deploy-branch: main)$/.test(line)) return line.replace(/\bmain\b/, branch);
  if (runner !== undefined && /^\s*runs-on: \S+$/.test(line)) return line.replace(/runs-on: \S+$/, `runs-on: ${runner}`);
  return line;
}
