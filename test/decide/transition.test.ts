import { describe, expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import { previewJudgement } from "../../src/classify/preview.ts";
import { mergeSession } from "../../src/classify/session/merge.ts";
import { issueToken, parseToken, printToken, readTokens } from "../../src/decide/approval-token.ts";
import { canonicalJson } from "../../src/decide/canonical-json.ts";
import { transitionDigest, transitionOf, transitionText, type Transition } from "../../src/decide/transition.ts";
import { HostName } from "../../src/discover/host.ts";
import { GateError } from "../../src/failure.ts";
import { readInputs } from "../../src/inputs.ts";
import { found, issuedAt, revision, system, tokenOf, transition } from "./sample-transition.ts";

const dated: Transition = { ...transition, issuedAt };
const place = { repository: "fleet/machines", host: transition.host, revision, from: transition.from, to: transition.to };

describe("canonical JSON", () => {
  test("keys are sorted by code unit, those that look like numbers too, and nothing is in between", () => {
    expect(canonicalJson({ b: 1, a: [true, null, "x y"], "10": 2, "9": 3, B: undefined })).toBe(
      '{"10":2,"9":3,"a":[true,null,"x y"],"b":1}',
    );
  });
  test("strings stay as they are: two spellings of one letter are two texts", () => {
    expect(canonicalJson("e\u0301")).not.toBe(canonicalJson("\u00e9"));
    expect(canonicalJson("\ud800")).not.toBe(canonicalJson("\ufffd"));
    expect(canonicalJson('",\n\u2028')).toBe('"\\",\\n\u2028"');
  });
  test.each([1.5, Number.NaN, Infinity, 2 ** 53])("%d is refused", (number) => {
    expect(() => canonicalJson(number)).toThrow(RangeError);
  });
  test("minus zero is zero", () => expect(canonicalJson(-0)).toBe("0"));
});

describe("the digest of a transition", () => {
  test("is 128 bits over a text that is the same today and in a year", () => {
    expect(transitionText(dated)).toBe(
      `{"attended":false,"findings":[{"from":"15.8","mode":"switch","rule":"database-major","subject":"postgresql","to":"16.4","verdict":"risky"},` +
        `{"from":"6.12","mode":"switch","rule":"kernel-series","subject":"linux","to":"6.18","verdict":"reboot"}],` +
        `"from":{"current":"${system("a")}","profile":"${system("a")}"},"host":"db1","issuedAt":${issuedAt},"mode":"switch","repository":"fleet/machines",` +
        `"reversible":true,"revision":"${revision}","schema":1,"to":"${system("b")}"}`,
    );
    expect(transitionDigest(dated)).toBe("98e9e939b820b5c4f82f80feef50846d");
  });

  test.each<[string, Partial<Transition>]>([
    ["repository", { repository: "fleet/machine" }],
    ["host", { host: HostName.parse("db2") }],
    ["revision", { revision: "5".repeat(40) }],
    ["time", { issuedAt: issuedAt + 1 }],
    ["what is active", { from: { current: system("c"), profile: system("a") } }],
    ["what boots", { from: { current: system("a"), profile: system("c") } }],
    ["the specialisation", { from: { ...transition.from, specialisation: "quiet" } }],
    ["what it becomes", { to: system("c") }],
    ["mode", { mode: "boot-only" }],
    ["attendance", { attended: true }],
    ["reversibility", { reversible: false }],
    ["the session's raise", { sessionRaise: "risky" }],
    ["a finding more", { findings: [...transition.findings, found({ subject: "redis" })] }],
    ["the same finding twice", { findings: [...transition.findings, ...transition.findings.slice(0, 1)] }],
    ["a finding less", { findings: transition.findings.slice(1) }],
    ["a finding's verdict", { findings: [found({ verdict: "reboot" }), ...transition.findings.slice(1)] }],
    ["a finding's mode", { findings: [found({ mode: "boot-only" }), ...transition.findings.slice(1)] }],
    ["a finding's subject", { findings: [found({ subject: "postgres" }), ...transition.findings.slice(1)] }],
    ["a finding's from", { findings: [found({ from: "15.7" }), ...transition.findings.slice(1)] }],
    ["a finding's to", { findings: [found({ to: "16.5" }), ...transition.findings.slice(1)] }],
    ["a finding that says no to", { findings: [{ ...found(), to: undefined }, ...transition.findings.slice(1)] }],
  ])("%s is in it", (_, change) => {
    expect(transitionDigest({ ...dated, ...change })).not.toBe(transitionDigest(dated));
  });

  test("prose, evidence and the order of the rules are not", () => {
    const reworded = [...transition.findings]
      .reverse()
      .map((finding) => ({ ...finding, hazard: "Said better.", evidence: ["other lines"], check: "Look." }));
    expect(transitionDigest({ ...dated, findings: reworded })).toBe(transitionDigest(dated));
  });

  test("one field cannot stand in for another: what moves over a border is another text", () => {
    const swapped = { ...dated, findings: [found({ subject: 'a","to":"b', to: undefined }), found({ subject: "a", to: "b" })] };
    expect(JSON.parse(transitionText(swapped))).toMatchObject({ findings: [{ subject: "a", to: "b" }, { subject: 'a","to":"b' }] });
    const current = system("a");
    expect(transitionDigest({ ...dated, repository: "a/b", host: HostName.parse("c") })).not.toBe(
      transitionDigest({ ...dated, repository: "a", host: HostName.parse("b.c") }),
    );
    expect(transitionDigest({ ...dated, from: { current, profile: dated.to }, to: current })).not.toBe(transitionDigest(dated));
  });
});

describe("the transition of a judgement", () => {
  test("carries where it happens and what was judged, whole", () => {
    const judged = judgement([found({ mode: "boot-only", attended: true, reversible: false })]);
    expect(transitionOf(place, judged)).toEqual({
      ...place,
      mode: "boot-only",
      attended: true,
      reversible: false,
      findings: judged.findings,
    });
  });
  const clean = judgement([found({ verdict: "clean" })]);

  test("has the findings of the rules and not the session's", () => {
    const raised = mergeSession(clean, {
      verdict: "risky",
      findings: [found({ rule: "session", hazard: "The session sees data at risk." })],
      said: [],
      dropped: 0,
      reasons: ["data-loss"],
      watch: [],
      explanation: "words",
    });
    expect(transitionOf(place, raised)).toMatchObject({ sessionRaise: "risky", findings: [{ rule: "database-major" }] });
  });

  test("a session that raises for another reason, in other words, is the same item; one that raises further is not", () => {
    const raise = (verdict: "reboot" | "risky", subject: string) =>
      transitionOf(place, judgement([...clean.findings, found({ rule: "session", verdict, subject, hazard: subject })]));
    const digest = (raised: ReturnType<typeof raise>) => raised && transitionDigest({ ...raised, issuedAt });
    expect(digest(raise("risky", "redis"))).toBe(digest(raise("risky", "nginx")));
    expect(digest(raise("risky", "redis"))).not.toBe(digest(raise("reboot", "redis")));
  });

  test("a session that says no more than the rules is not in it", () => {
    const risky = judgement([found(), found({ rule: "session" })]);
    expect(transitionOf(place, risky)).not.toHaveProperty("sessionRaise");
  });

  test("there is none before the build, unless the hazard is known", () => {
    expect(transitionOf(place, previewJudgement(clean))).toBeUndefined();
  });
});

describe("the token", () => {
  test("is read as it was printed", () => {
    const { token, digest } = issueToken(dated);
    expect(token).toBe(`db1@${revision}.${issuedAt}.${digest}`);
    expect(parseToken(token)).toEqual({ host: "db1", revision, issuedAt, digest });
    expect(printToken(tokenOf())).toBe(token);
  });

  test("every host name gives a token that the inputs take and that comes back as that host", () => {
    const names = ["a", "A", "db1", "db-1.example.org", "x_y", "1", `h${"o".repeat(62)}`, "a.1795305600", "constructor", "a.b.c-"];
    const seen = new Set<string>();
    for (const name of names)
      for (const long of [revision, "ab".repeat(32)]) {
        const { token } = issueToken({ ...dated, host: HostName.parse(name), revision: long });
        expect(parseToken(token)?.host).toBe(name);
        expect(readInputs({ INPUT_APPROVE: `${token}, ${token}` }).approve).toEqual([token, token]);
        seen.add(token);
      }
    expect(seen.size).toBe(names.length * 2);
  });

  test("twelve digits of the revision are enough to read", () => {
    expect(parseToken(`db1@${"a".repeat(12)}.1.${"0".repeat(32)}`)?.revision).toBe("a".repeat(12));
  });

  const digest = "0".repeat(32);
  test.each([
    "",
    "db1",
    `db1@${revision}.${issuedAt}`,
    `db1@${"a".repeat(11)}.1.${digest}`,
    `db1@${"a".repeat(65)}.1.${digest}`,
    `db1@${revision.toUpperCase()}.1.${digest}`,
    `db1@${revision}.01.${digest}`,
    `db1@${revision}.-1.${digest}`,
    `db1@${revision}.1e9.${digest}`,
    `db1@${revision}.999999999999.${digest}`,
    `db1@${revision}.1.${digest}0`,
    `db1@${revision}.1.${digest}\n`,
    ` db1@${revision}.1.${digest}`,
    `db1@${revision}.1.${digest} db2@${revision}.1.${digest}`,
    `-rf@${revision}.1.${digest}`,
    `db1@db2@${revision}.1.${digest}`,
    `$(id)@${revision}.1.${digest}`,
    `__proto__@${revision}.1.${digest}`,
    `${"h".repeat(64)}@${revision}.1.${digest}`,
    `dЬ1@${revision}.1.${digest}`,
  ])("%j is none", (text) => expect(parseToken(text)).toBeUndefined());
});

describe("the tokens of one run", () => {
  const token = (host: string, more: Partial<Transition> = {}): string =>
    issueToken({ ...dated, host: HostName.parse(host), ...more }).token;
  const code = (...texts: string[]): string => {
    try {
      return `revision ${readTokens(texts)?.revision}`;
    } catch (error) {
      return error instanceof GateError ? `${error.exit} ${error.failure.code}` : String(error);
    }
  };

  test("are read by host; the same one twice is one", () => {
    const read = readTokens([token("db1"), token("db2"), token("db1")]);
    expect([...(read?.tokens.keys() ?? [])]).toEqual(["db1", "db2"]);
    expect(read?.revision).toBe(revision);
    expect(readTokens([])).toBeUndefined();
  });
  test("with a revision written short beside one written in full give the full one", () => {
    const short = token("db2").replace(revision, revision.slice(0, 12));
    expect(code(short, token("db1"))).toBe(`revision ${revision}`);
    expect(code(token("db1"), short)).toBe(`revision ${revision}`);
  });
  test("of which one cannot be read, or that contradict each other, are not half followed", () => {
    expect(code(token("db1"), "db2")).toBe("2 approval-unreadable");
    expect(code(token("db1"), token("db1", { to: system("c") }))).toBe("2 approval-several");
    expect(code(token("db1"), token("db2", { revision: "9".repeat(40) }))).toBe("2 approval-several");
  });
});
