import { redact } from "../../diff/secrets.ts";
import type { KnowledgeFile } from "../../discover/knowledge.ts";

/** So many characters of knowledge go with a question: about 3,000 tokens. */
const budget = 12_000;

/**
 * What the operator knows, as one text for a part of the question of its own; empty where there is none. Each file has an equal share, and what one does not need
 * goes to those behind it. Redacted before it is cut.
 */
export function knowledgeNotes(files: readonly KnowledgeFile[]): string {
  let left = budget;
  const parts = files.map((file, index) => {
    const { text } = redact(file.text.trim(), { path: file.path });
    const share = Math.floor(left / (files.length - index));
    const kept = text.length <= share ? text : `${text.slice(0, share)}\n(${text.length - share} more characters left out)`;
    left -= Math.min(text.length, share);
    return `## ${file.path}\n${kept}`;
  });
  return parts.join("\n\n");
}
