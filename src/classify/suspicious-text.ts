/**
 * Text that wants to be read as something else than it is, or by somebody else than its program: what an attacker would put where a reviewer, human or model,
 * looks. Written against false alarms on purpose: names and comments in German, Polish or Chinese are ordinary and say nothing.
 */

/**
 * Characters that are not seen and change how the rest is read: bidirectional controls, zero-width characters, Unicode tags, fillers. As ranges of code points, since a
 * character class that holds them cannot be read either.
 */
const unseen: readonly (readonly [number, number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180e, 0x180e],
  [0x200b, 0x200c],
  [0x200e, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x2064],
  [0x2066, 0x206f],
  [0x3164, 0x3164],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff9, 0xfffb],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];
const isUnseen = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0;
  return code >= 0xad && unseen.some(([low, high]) => low <= code && code <= high);
};
const withoutUnseen = (text: string): string =>
  Array.from(text)
    .filter((character) => !isUnseen(character) && character !== "\u200d")
    .join("");

/** A zero-width joiner is part of emoji and of some scripts; between Latin letters it hides a break. */
const joiner = /[A-Za-z0-9]\u200d|\u200d[A-Za-z0-9]/u;
/** Letters that are drawn like ASCII ones: fullwidth, mathematical and enclosed alphabets. */
const disguised = /[\uff21-\uff3a\uff41-\uff5a\u{1d400}-\u{1d7ff}\u24b6-\u24e9\u{1f130}-\u{1f169}]/u;

/** What makes the text treacherous to a reader, or undefined. */
export function disguise(text: string): string | undefined {
  if (Array.from(text).some(isUnseen) || joiner.test(text)) return "invisible characters";
  if (disguised.test(text)) return "letters that only look like ASCII";
  for (const word of text.match(/[\p{L}\p{M}]{2,}/gu) ?? []) if (mixed(word)) return `letters of two scripts in one word`;
  for (const word of text.match(/[\p{L}\p{M}]{3,}/gu) ?? [])
    if (
      /^[\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458\u04bb\u0501\u051b\u051d\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf]+$/u.test(
        word,
      ) &&
      /[A-Za-z]{3}/.test(text)
    )
      return "a word that only looks like Latin";
  return undefined;
}

const scripts = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u] as const;
/** Greek letters stand in formulas and units beside Latin ones: µs, Δt, Ω. */
const mixed = (word: string): boolean =>
  scripts.filter((script) => script.test(word)).length > 1 &&
  !/^[\u00b5\u03bc\u0394\u03a9\u2126\u03c0\u03bb]\p{Script=Latin}{1,3}$|^\p{Script=Latin}[\u03a9\u0394]$/u.test(word);

/** Terminal control sequences are ordinary in a greeting and dangerous in a name. */
export const hasControl = (text: string): boolean =>
  Array.from(text).some((character) => {
    const code = character.codePointAt(0) ?? 0;
    return (code < 0x20 && character !== "\t" && character !== "\n" && character !== "\r") || (code >= 0x7f && code <= 0x9f);
  });

const calm = String.raw`(clean|safe|harmless|benign|trivial|low[- ]?risk|no[- ]?risk|risk[- ]?free|approved|non[- ]?breaking|cosmetic|green|unbedenklich)`;
const model = String.raw`(ai|llms?|gpt(-\d)?|claude|chatgpt|copilot|gemini|language model|ai assistant|assistant|reviewers?|classifier|judge|deploy gate|the gate|auditor|evaluator|analy[sz]er|agent)`;

const instructions: readonly RegExp[] = [
  /\b(ignore|disregard|forget|override|bypass|discard)\b.{0,40}\b(previous|prior|above|preceding|earlier|all|any|your|these|those|system|other)\b.{0,30}\b(instructions?|prompts?|rules?|guidelines?|messages?|context|findings?|polic(y|ies)|directions?|orders?|constraints?)\b/,
  new RegExp(
    String.raw`\b(classify|label|mark|rate|report|treat|judge|score|assess|flag|consider|grade|categori[sz]e|return|respond|answer|output|reply|say)\b.{0,50}\b(as|with|:|is|verdict)\b.{0,20}\b${calm}\b`,
  ),
  new RegExp(
    String.raw`\b(verdict|classification|risk[ _-]?(level|score|rating)?|severity|assessment)\b["']?\s*(is|:|=|must be|should be)\s*["']?(${calm}|low|none|zero)\b`,
  ),
  /\bpre-?(approved|cleared|vetted|authori[sz]ed)\b/,
  /\b(security|ops|operations|infra(structure)?|platform|compliance|sre|devops|management|audit)('s)?( team| department| lead| group)?\b.{0,25}\b(approved?|approves|signed off|cleared|vetted|has reviewed|okayed|greenlit)\b/,
  /\b(already|fully|previously)\b.{0,15}\b(reviewed|approved|audited|vetted|verified|cleared)\b.{0,30}\b(by|no|skip|safe|do not|don't|need)\b/,
  new RegExp(
    String.raw`(?<!home[- ])(?<!-)\b(note|message|instructions?|attention|hint|hello|hi|dear|hey|important|reminder|request)\b[,:]?\s+(to|for)?\s*(the |any |all )?${model}\b(?![-/.])`,
  ),
  new RegExp(
    String.raw`(?<!home[- ])(?<![-/.\w])${model}\b(?![-/.])[\s,:]{1,3}(please |you |must |should |shall |may |can )+(safely |now |just )?(ignore|skip|approve|classify|treat|return|output|answer|respond|say|mark|label|accept|pass|allow|not |consider|rate|report|disregard|proceed)`,
  ),
  /\b(do not|don't|never|no need to|must not|please don't)\b.{0,15}\b(flag|hold|escalate|report|raise|question|classify|warn about)\b.{0,20}\b(this|these|the change|it|risky|deploy|anything)\b/,
  /\b(no|without|skip|skips|skipping|bypass)\b.{0,15}\b(human |manual |further |additional |security |the |any )*(review|approval|analysis|scrutiny|inspection|the gate|gate check)s?\b(?=.{0,25}\b(needed|required|necessary|please|for this|this|deploy|merge)\b|\s*[.!]?$)/,
  /\b(safe to (deploy|merge|approve|switch|auto-?merge|roll out))\b/,
  /\b(approve|merge|deploy|accept|pass|wave through|let through)\b.{0,10}\b(this|the)\b.{0,15}\b(change|pr|pull request|merge request|diff|commit|plan|update)\b.{0,25}\b(without|immediately|automatically|now|right away|unconditionally|regardless)\b/,
  /\b(system|developer|assistant)[ _-]?(prompt|message|instructions?|override)s?\s*[:=>\]]/,
  /<\/?\s*(system|assistant|human|instructions?|system[-_ ]?(prompt|reminder|message)|user[-_ ]?prompt|im_start|im_end|tool_result|function_results?|untrusted|document)\b[^>]{0,40}>|<\|[a-z_]{2,20}\|>|\[\/?inst\]|\[\/?system\]|<<sys>>/,
  /\b(end|begin|start) of (the )?(untrusted|user|system|trusted|diff|evidence|document|data|input|prompt|instructions?)( (data|input|text|content|prompt|section|block|message))?\b/,
  /(^|\W)#{2,}\s*(system|instructions?|new task|new instructions?|override|assistant)\b/,
  /\b(new|updated|additional|real|actual|following) (instructions?|task|directive|orders?)( for (you|the \w+))?\s*:/,
  new RegExp(
    String.raw`\byou are (now )?(a |an |the |no longer )?.{0,30}(assistant|reviewer|language model|classifier|judge|\bai\b|helpful|in (developer|debug|maintenance|test) mode)`,
  ),
  /\bas an? (ai|language model|llm|reviewer|automated reviewer)\b/,
  new RegExp(
    String.raw`\b(this|the|following) (change|diff|commit|update|patch|deploy(ment)?|pull request|pr)\b.{0,25}\b(is|are|should be|must be|can be)\b.{0,15}\b(completely |entirely |totally |perfectly |100% |always |considered |treated as |regarded as |classified as |rated )+\W*${calm}\b`,
  ),
  /\b(bitte|diese aenderung|diese änderung)\b.{0,40}\b(als unbedenklich|freigeben|genehmigen|durchwinken|ignorieren)\b/,
];

/** Text that speaks to a reviewer: what it says, cut short, or undefined. Whitespace, invisible characters and disguised letters do not help it. */
export function instruction(text: string): string | undefined {
  const folded = withoutUnseen(text.normalize("NFKC"))
    .replaceAll(/[_*`~|]+(?=\w)|(?<=\w)[*`~|]+/g, " ")
    .replaceAll(/\s+/g, " ")
    .toLowerCase();
  const raw = text.normalize("NFKC").replaceAll(/\s+/g, " ").toLowerCase();
  for (const pattern of instructions) {
    const match = pattern.exec(folded) ?? pattern.exec(raw);
    if (match !== null) return match[0].slice(0, 120);
  }
  // Words in hyphens or underscores, as names of units and packages have them.
  const spaced = folded.replaceAll(/[-_.]+/g, " ");
  for (const pattern of instructions.slice(0, 6)) {
    const match = pattern.exec(spaced);
    if (match !== null) return match[0].slice(0, 120);
  }
  return undefined;
}
