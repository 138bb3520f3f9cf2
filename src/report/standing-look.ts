import type { Standing } from "./order.ts";

/** How a standing looks: a word that is always there, since a colour or sign alone is lost on some readers, screens and mails; signs that differ in shape; a colour. */
export type Look = {
  readonly word: string;
  /** In Markdown. */ readonly emoji: string;
  /** In a terminal, and where that shows ASCII only. */ readonly sign: readonly [unicode: string, ascii: string];
  /** SGR parameter. */ readonly hue: number;
};

const look = (word: string, emoji: string, unicode: string, ascii: string, hue: number): Look => ({
  word,
  emoji,
  sign: [unicode, ascii],
  hue,
});

export const looks: Readonly<Record<Standing, Look>> = {
  "needs-person": look("needs a person", "🆘", "‼", "#", 31),
  "live-but-old-boots": look("live, old boots", "❗", "‼", "#", 31),
  "left-unconfirmed": look("unconfirmed", "❗", "‼", "#", 31),
  failed: look("failed", "❌", "✖", "x", 31),
  "reboot-failed": look("reboot failed", "❌", "✖", "x", 31),
  "rolled-back": look("rolled back", "↩️", "↩", "<", 31),
  unreachable: look("unreachable", "🔌", "∅", "0", 31),
  superseded: look("superseded", "🔀", "⇄", "%", 31),
  "deployed-with-misses": look("with misses", "⚠️", "±", "*", 33),
  held: look("held", "✋", "!", "!", 35),
  "reboot-held": look("reboot held", "✋", "!", "!", 35),
  "needs-you": look("risky", "✋", "!", "!", 35),
  "not-reached": look("not reached", "⏹️", "·", ".", 35),
  "handed-over": look("handed over", "⏳", "…", ":", 36),
  risky: look("risky", "⚠️", "!", "!", 35),
  reboot: look("reboot", "🔁", "↻", "~", 33),
  unbuilt: look("not known yet", "❔", "?", "?", 36),
  clean: look("clean", "✅", "✓", "+", 32),
  "would-stage": look("would be staged", "🔁", "↻", "~", 33),
  "would-deploy": look("would be deployed", "▶️", "→", ">", 32),
  "would-reboot": look("would reboot", "🔁", "↻", "~", 33),
  offline: look("offline", "💤", "z", "z", 2),
  "reboot-pending": look("reboot pending", "🔁", "↻", "~", 33),
  "deployed-reboot-pending": look("reboot pending", "🔁", "↻", "~", 33),
  staged: look("staged", "🔁", "↻", "~", 33),
  rebooted: look("rebooted", "✅", "✓", "+", 32),
  deployed: look("deployed", "✅", "✓", "+", 32),
  removed: look("removed", "➖", "−", "-", 2),
  unchanged: look("unchanged", "⚪", "=", "=", 2),
};
