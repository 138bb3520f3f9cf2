import { expect, test } from "vitest";
import { apiUrlOf, parseRemote } from "../../src/init/remote.ts";

const urls: readonly (readonly [string, string | undefined, string?])[] = [
  ["https://github.com/ada/fleet.git", "https://github.com ada fleet github", "https://api.github.com"],
  ["https://ada:secret@github.com/ada/fleet", "https://github.com ada fleet github", "https://api.github.com"],
  ["git@github.com:ada/fleet.git", "https://github.com ada fleet github", "https://api.github.com"],
  ["ssh://git@ssh.github.com:443/ada/fleet.git", "https://github.com ada fleet github", "https://api.github.com"],
  ["git@acme.ghe.com:ada/fleet.git", "https://acme.ghe.com ada fleet github", "https://api.acme.ghe.com"],
  ["git@codeberg.org:ada/fleet.git", "https://codeberg.org ada fleet forgejo"],
  ["forgejo@git.example.org:ada/fleet", "https://git.example.org ada fleet undefined"],
  ["ssh://forgejo@git.example.org:2222/ada/fleet.git", "https://git.example.org ada fleet undefined"],
  ["http://127.0.0.1:3000/ada/fleet.git/", "http://127.0.0.1:3000 ada fleet undefined"],
  ["https://example.org/git/ada/fleet", "https://example.org/git ada fleet undefined"],
  ["/srv/git/fleet.git", undefined],
  ["../fleet", undefined],
  ["file:///srv/git/fleet.git", undefined],
  ["https://example.org/fleet", undefined],
  ["https://example.org/ada/../fleet", undefined],
  ["https://example.org/ada/fl%20eet", undefined],
  ["https://example.org/ada/fleet;id", undefined],
  ["", undefined],
  ["git@:ada/fleet", undefined],
  ["-oProxyCommand=id:ada/fleet", undefined],
];

test.each(urls.map(([url, wanted, api]) => ({ url, wanted, api })))("$url", ({ url, wanted, api }) => {
  const found = parseRemote(url);
  expect(found && `${found.origin} ${found.owner} ${found.name} ${found.kind}`).toBe(wanted);
  if (found !== undefined && api !== undefined) expect(apiUrlOf(found, "github")).toBe(api);
  if (found !== undefined) expect(apiUrlOf(found, "forgejo")).toBe(`${found.origin}/api/v1`);
});

test("GitHub Enterprise Server has its API below its own address", () => {
  const found = parseRemote("git@ghe.example.org:ada/fleet.git");
  expect(found && apiUrlOf(found, "github")).toBe("https://ghe.example.org/api/v3");
});
