import { expect, test } from "vitest";
import { isAuthor } from "../../src/decide/authorship.ts";
import type { Authorship } from "../../src/io/ports.ts";

const sha = (digit: string): string => digit.repeat(40);
const [base, one, two, three] = [sha("0"), sha("1"), sha("2"), sha("3")];
const by = (commit: string, author: string | undefined = "bob", committer: string | undefined = author): Authorship["commits"][number] => ({
  sha: commit,
  author,
  committer,
});
const well: Authorship = {
  commits: [by(one), by(two), by(three)],
  pushes: [
    { before: one, after: three, by: "carol" },
    { before: base, after: one, by: "bob" },
  ],
};
const asked = async (
  login: string,
  over: Partial<Authorship> = {},
  reaches: (revision: string) => boolean | "unknown" = (rev) => rev === base,
) => {
  const said = await isAuthor(login, { commits: [three, two, one], head: three }, { ...well, ...over }, (rev) =>
    Promise.resolve(reaches(rev)),
  );
  return said.answer === "unknown" ? said.why : said.answer;
};

test("somebody who had no hand in it, and everybody who had", async () => {
  expect(await asked("alice")).toBe(false);
  for (const login of ["bob", "Bob", "carol", "CAROL"]) expect(await asked(login)).toBe(true);
  expect(await asked("alice", { commits: [by(one), by(two, "bob", "alice"), by(three)] })).toBe(true);
  expect(await asked("alice", { commits: [by(one), by(two, "alice", "bob"), by(three)] })).toBe(true);
});

test("where nothing lies between, nobody made any of it", async () => {
  expect(await isAuthor("alice", { commits: [], head: base }, { commits: [], pushes: [] }, () => Promise.resolve(false))).toEqual({
    answer: false,
  });
});

test("what is not known is never a no: an address that is no account's, a commit that the forge leaves out", async () => {
  expect(await asked("alice", { commits: [by(one), { sha: two, author: undefined, committer: "bob" }, by(three)] })).toContain(
    "e-mail addresses in commit 222222222",
  );
  expect(await asked("alice", { commits: [by(one), { sha: two, author: "bob", committer: undefined }, by(three)] })).toContain("222222222");
  expect(await asked("alice", { commits: [by(one), by(three)] })).toBe("the forge says nothing of commit 222222222");
  expect(await asked("alice", { commits: [] })).toContain("says nothing of commit");
});

test("an unknown pusher is an unknown author, whatever names the commits bear", async () => {
  expect(await asked("alice", { pushes: [] })).toBe("the forge does not say who pushed commit 333333333");
  expect(await asked("alice", { pushes: well.pushes.slice(0, 1) })).toBe("the forge does not say who pushed commit 111111111");
  expect(await asked("alice", { pushes: [{ before: base, after: three, by: undefined }] })).toBe(
    "no person is known to have pushed commit 333333333",
  );
});

test("a branch that was set back and forth: all who pushed count, and it has to come from what the host runs", async () => {
  const again = { before: two, after: three, by: "alice" };
  expect(await asked("alice", { pushes: [...well.pushes, again] })).toBe(true);
  const elsewhere = sha("9");
  const forced: Authorship["pushes"] = [{ before: elsewhere, after: three, by: "carol" }];
  expect(await asked("alice", { pushes: forced })).toContain("the branch was at 999999999 in between");
  expect(await asked("alice", { pushes: forced }, () => "unknown")).toContain("999999999");
  expect(await asked("alice", { pushes: forced }, () => true)).toBe(false);
  // A circle ends.
  expect(
    await asked("alice", {
      pushes: [
        { before: one, after: three, by: "bob" },
        { before: three, after: one, by: "bob" },
      ],
    }),
  ).toBe(false);
});

test("that somebody made it is told although other things are not known", async () => {
  expect(await asked("bob", { commits: [by(one)], pushes: [] })).toBe(true);
});
