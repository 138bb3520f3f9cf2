import { list, type Line, type Section } from "./line.ts";
import { count } from "./count.ts";
import { size } from "./phrases.ts";
import type { PlanDiff } from "./plan-diff.ts";

/** Files of /etc and behind it, with their text diffs; what differs in store hashes only is counted. */
export function filesSection(diff: PlanDiff): Section {
  const real = diff.files.filter((file) => !file.hashOnly);
  const hashes = diff.files.length - real.length;
  const lines: Line[] = real.map((file) => {
    const counted = changedLines(file.diff);
    const sizes = [file.sizeFrom, file.sizeTo].map((bytes) => (bytes === undefined ? "none" : size(bytes)));
    const how =
      file.kind === "binary"
        ? `, binary, ${sizes.join(" → ")}`
        : file.kind === "link"
          ? ", link"
          : file.kind === "mode"
            ? ", mode"
            : file.kind === "unread"
              ? ", could not be read"
              : counted;
    return { spans: [`${file.change} `, { code: file.path }, `${how}${file.redacted ? ", secrets redacted" : ""}`] };
  });
  if (hashes > 0)
    lines.push({
      spans: [
        `${count(hashes, "file")} where only store paths differ: `,
        ...list(
          diff.files.filter((file) => file.hashOnly).map((file) => file.path),
          12,
        ),
      ],
    });
  const activation = diff.settings.activation
    .filter((one) => one.diff !== "")
    .map((one) => ({ title: `activation snippet ${one.snippet}`, text: one.diff }));
  const texts = [...real.filter((file) => file.diff !== "").map((file) => ({ title: file.path, text: file.diff })), ...activation];
  const summary = [...(real.length > 0 ? [count(real.length, "file")] : []), ...(hashes > 0 ? [`${hashes} by store paths only`] : [])].join(
    ", ",
  );
  return { kind: "files", title: "Files", summary, lines, texts };
}

/** `, 3 lines in, 1 out`, counted in a unified diff. */
function changedLines(diff: string): string {
  const lines = diff.split("\n");
  const added = lines.filter((line) => line.startsWith("+") && !line.startsWith("+++")).length;
  const removed = lines.filter((line) => line.startsWith("-") && !line.startsWith("---")).length;
  return added + removed === 0 ? "" : `, +${added} −${removed}`;
}
