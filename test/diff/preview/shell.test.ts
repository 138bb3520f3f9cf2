import { execFileSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BuildFiles } from "../../../src/diff/preview/build-files.ts";
import { type BuildNode, unknown } from "../../../src/diff/preview/build-node.ts";
import { followScript } from "../../../src/diff/preview/shell-run.ts";
import { OverBudget, ShellState } from "../../../src/diff/preview/shell-state.ts";
import { ShellSyntaxError } from "../../../src/diff/preview/shell-words.ts";

const out = "/nix/store/00000000000000000000000000000000-x";
const opaque = "/nix/store/11111111111111111111111111111111-package-1.0";

type Tree = string | { readonly [name: string]: Tree };

/** A store in which one package stands that nobody has built. */
const store = {
  prefix: "/nix/store",
  rootOf: (path: string): string | undefined => (path.startsWith(opaque) ? opaque : undefined),
  nodeAt: (place: string): BuildNode | undefined => (place.startsWith(opaque) ? unknown("a package") : undefined),
};

function follow(
  script: string,
  variables: Readonly<Record<string, string>> = {},
): { readonly tree: Tree | undefined; readonly gaps: readonly string[]; readonly formatted: boolean } {
  const files = new BuildFiles(store, [out]);
  const state = new ShellState(files);
  files.write("/build/.attr-text", { kind: "file", text: variables["text"] ?? "", executable: false });
  for (const [name, text] of Object.entries({ ...variables, out, textPath: "/build/.attr-text" })) state.set(name, text);
  followScript(state, script);
  return { tree: treeOf(files.output(out)), gaps: [...state.gaps], formatted: state.formatted };
}

function treeOf(node: BuildNode | undefined): Tree | undefined {
  if (node === undefined) return undefined;
  if (node.kind === "unknown") return "?";
  if (node.kind === "symlink") return `-> ${node.target}`;
  if (node.kind === "file") return (node.executable ? "!" : "") + node.text;
  return Object.fromEntries([...node.entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, child]) => [name, treeOf(child) as Tree]));
}

/** The same script run by bash itself. */
function run(script: string, variables: Readonly<Record<string, string>> = {}): Tree | undefined {
  const directory = mkdtempSync(join(tmpdir(), "gate-shell."));
  const real = join(directory, "out");
  const build = join(directory, "build");
  const environment = {
    PATH: "/usr/bin:/bin",
    ...variables,
    out: real,
    build,
    textPath: join(build, ".attr-text"),
    real_text: variables["text"] ?? "",
  };
  execFileSync("/bin/bash", ["-c", `mkdir "$build"; cd "$build"; printf %s "$real_text" > "$textPath"; ${script}`], {
    env: environment,
    stdio: ["ignore", "ignore", "ignore"],
  });
  const read = (path: string): Tree | undefined => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (stats.isSymbolicLink()) return `-> ${readlinkSync(path).replaceAll(real, out)}`;
    if (stats.isFile()) return ((stats.mode & 0o100) === 0 ? "" : "!") + readFileSync(path, "utf8").replaceAll(real, out);
    return Object.fromEntries(
      readdirSync(path)
        .sort()
        .map((name) => [name, read(join(path, name)) as Tree]),
    );
  };
  const tree = read(real);
  rmSync(directory, { recursive: true });
  return tree;
}

describe("a script leaves what bash leaves", () => {
  test.each<[string, string, Record<string, string>?]>([
    [
      "a text",
      'target=$out\'\'\nmkdir -p "$(dirname "$target")"\nif [ -e "$textPath" ]; then\n  mv "$textPath" "$target"\nelse\n  echo -n "$text" > "$target"\nfi\nif [ -n "$executable" ]; then\n  chmod +x "$target"\nfi\neval "$checkPhase"\n',
      { text: "hello $x `y`\n", executable: "1" },
    ],
    [
      "a text that is not executable",
      'target=$out\nmv "$textPath" "$target"\nif [ -n "$executable" ]; then chmod +x "$target"; fi',
      { text: "x", executable: "" },
    ],
    ["quotes", `echo 'it'"'"'s' "a  b" c\\ d $'' "\\$x \\" \\\\ \\n" > $out`.replace(" $''", "")],
    ["no newline", 'printf "%s=%s\\n" a 1 b 2 > $out; echo -n end >> $out'],
    ["splitting", 'x="a  b\tc"; for i in $x "$x"; do echo "<$i>"; done > $out'],
    ["an empty word stays only where it is quoted", 'e=; for i in $e "$e" x; do echo "<$i>"; done > $out'],
    [
      "if, elif, else",
      'for i in 1 2 3; do if [ $i = 1 ]; then echo one; elif [ "$i" -eq 2 ]; then echo two; else echo many; fi; done > $out',
    ],
    ["and, or, not", "{ true && echo a; false && echo b; false || echo c; ! false && echo d; true || echo e && echo f; } > $out"],
    [
      "double brackets",
      'for f in a.wants b.service "x*y"; do if [[ $f == *.service ]]; then echo s; elif [[ "$f" =~ .wants$ ]]; then echo w; elif [[ "$f" = *\'*\'* ]]; then echo star; fi; done > $out',
    ],
    [
      "functions, arguments and return",
      'f() { local a="$1"; [ "$a" = stop ] && return 1; echo "$a/$2/$#"; }\n{ f x y; f stop || echo stopped; f "a b" c d; } > $out',
    ],
    [
      "an associative list",
      'declare -A seen\nfor k in a b a; do seen[$k]=1; done\nfor k in a b c; do [ -n "${seen[$k]:-}" ] && echo $k; done > $out; echo ${#seen[@]} >> $out',
    ],
    ["lists", 'x=(a "b c" d); x+=(e); for i in "${x[@]}"; do echo "<$i>"; done > $out'],
    [
      "expansions",
      'x=/a/b.tar.gz; echo "${x##*/} ${x%.*} ${x%%.*} ${x#/} ${x:0:2} ${x:3} ${x/a/z} ${x//./-} ${#x} ${y:-none} ${y-none} ${x:+set} ${!name}" > $out',
      { name: "x" },
    ],
    ["indirection", 'var=text; echo "${!var}" > $out', { text: "seen" }],
    ["command substitution", 'n=$(basename /a/b.service .service); echo "$n $(dirname /a/b/c) $(echo "x y" | cat)" > $out'],
    ["here documents", "x=1\ncat > $out <<EOF\na $x \"q\" \\$x\nEOF\ncat >> $out <<'EOF'\nb $x\nEOF\ncat >> $out <<-EOF\n\tc\n\tEOF\n"],
    ["directories and links", "mkdir -p $out/{a,b}/c; ln -s x $out/a/l; ln -s /y/z $out/b; ln -sfn w $out/a/l; ln -s ../q $out/a/c/"],
    ["a link does not replace", "mkdir $out; ln -s a $out/l; ln -s b $out/l || true; ln -sf c $out/m; ln -sf d $out/m"],
    ["links to directories are entered, with -n they are replaced", "mkdir -p $out/d; ln -s d $out/l; ln -s x $out/l; ln -sfn y $out/l"],
    [
      "copies",
      "mkdir -p $out/a; echo x > $out/a/f; chmod +x $out/a/f; ln -s f $out/a/l; cp -r $out/a $out/b; cp $out/a/l $out/c; cp -P $out/a/l $out/d; cp -r $out/a/. $out/b; mv $out/c $out/b/",
    ],
    [
      "globs",
      'mkdir $out; touch $out/b.conf $out/a.conf $out/.hidden $out/c; for f in $out/*.conf; do echo $(basename $f); done > $out/list; echo $out/[ab].conf "$out/*.conf" | cat >> $out/list',
    ],
    [
      "case",
      'for x in a.service b.socket other; do case "$x" in *.service|*.target) echo s;; *.socket) echo k;; *) echo o;; esac; done > $out',
    ],
    ["cd and relative paths", "mkdir -p $out/x/y; cd $out/x; echo a > f; (cd y; echo b > g); echo c > h; ln -s f l"],
    ["break and continue", "for i in 1 2 3 4; do [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done > $out"],
    ["subshells keep their variables", "x=1; (x=2; echo $x > $out); echo $x >> $out"],
    ["unset and defaults", 'unset text; echo "[${text:-gone}]" > $out', { text: "x" }],
    ["comments", "# a comment\nmkdir $out # another\necho a#b > $out/f"],
    ["a unit's name", 'name=a@.service\nmkdir -p "$out/$(dirname -- "$name")"\nmv "$textPath" "$out/$name"', { text: "[Service]\n" }],
    ["install", 'install -Dm755 "$textPath" $out/bin/x; install -d $out/etc', { text: "x" }],
    ["exit ends it", "echo a > $out; exit 0; echo b >> $out"],
    ["redirects of groups", "{ echo a; echo b >&2; echo c 2>/dev/null; } > $out"],
    ["source", 'echo "y=from-file" > f; . ./f; echo $y > $out'],
    ["quoted eval", 'x="echo \\"a b\\" > $out"; eval "$x"'],
    ["readlink", "mkdir $out; ln -s /dev/null $out/n; ln -s n $out/m; { readlink $out/n; readlink -f $out/m; } > $out/r"],
    [
      "tests of files",
      'mkdir $out; touch $out/f; ln -s f $out/l; ln -s gone $out/d; for t in -e -f -L -d -s; do for p in f l d . none; do [ $t $out/$p ] && echo "$t $p"; done; done > $out/r; true',
    ],
  ])("%s", (_, script, variables) => {
    const real = run(script, variables);
    expect(real).toBeDefined();
    expect(follow(script, variables).tree).toEqual(real);
  });
});

describe("what only the build can tell is unknown, and nothing else", () => {
  test("a program's output", () =>
    expect(follow("mkdir $out; hash=$(sha256sum x); echo $hash > $out/a; echo b > $out/b").tree).toEqual({ a: "?", b: "b\n" }));
  test("a file that a program makes", () =>
    expect(follow("mkdir $out; gcc -o $out/bin x.c; echo b > $out/b").tree).toEqual({ b: "b\n", bin: "?" }));
  test("what lies in a package", () => {
    const { tree, gaps } = follow(
      `mkdir $out; for f in ${opaque}/lib/*; do ln -s $f $out/; done; cp ${opaque}/x $out/y; ln -s ${opaque}/z $out/z`,
    );
    expect(tree).toEqual({ y: "?", z: `-> ${opaque}/z` });
    expect(gaps).toEqual([`which files there are in ${opaque}/lib`]);
  });
  test("a file of a package that a script looks for is taken to be there", () => {
    expect(
      follow(
        `mkdir $out; fn=${opaque}/unit; if ! [ -e $fn ]; then false; fi; if [ -L $fn ]; then cp -d $fn $out/; else ln -s $fn $out/; fi`,
      ),
    ).toMatchObject({ tree: { unit: `-> ${opaque}/unit` }, gaps: [] });
  });
  test("a step that hangs on it", () => {
    const { tree, gaps } = follow("mkdir $out; if grep -q x y; then echo a > $out/a; fi; echo b > $out/b");
    expect(tree).toEqual({ b: "b\n" });
    expect(gaps).toHaveLength(1);
  });
  test("a check changes nothing", () =>
    expect(follow('echo a > $out; nginx -t -c $out; bash -n "$out"; if ! grep x $out; then echo "bad"; exit 1; fi')).toEqual({
      tree: "a\n",
      gaps: [],
      formatted: false,
    }));
  test("a text that is only laid out anew is carried on", () => {
    expect(follow('jq . "$textPath" > $out', { text: "{}" })).toEqual({ tree: "{}", gaps: [], formatted: true });
    expect(follow('json2toml "$textPath" "$out"', { text: "{}" })).toEqual({ tree: "{}", gaps: [], formatted: true });
    expect(follow('awk -f x.awk "$textPath" | sed "s/a/b/" > $out', { text: "events {}" })).toEqual({
      tree: "events {}",
      gaps: [],
      formatted: true,
    });
  });
  test("a wrapper says what it sets", () => {
    expect(
      follow(
        `mkdir -p $out/bin; ln -s ${opaque}/bin/x $out/bin/x; wrapProgram $out/bin/x --set OUT $out --set INSTALL_BOOTLOADER ${opaque}/i`,
      ).tree,
    ).toMatchObject({
      bin: { ".x-wrapped": `-> ${opaque}/bin/x`, x: expect.stringContaining(`export INSTALL_BOOTLOADER='${opaque}/i'\n`) },
    });
  });
  test("substitution", () =>
    expect(
      follow("echo 'a @out@ @v@ @other@' > $out; substituteInPlace $out --subst-var out --subst-var-by v w --replace-fail other it").tree,
    ).toBe(`a ${out} w @it@\n`));
});

describe("a stranger's script", () => {
  test("reaches nothing but its own output", () => {
    expect(
      follow("mkdir $out; echo x > /etc/passwd; cat /etc/passwd > $out/p; echo y > ../../z; ln -s /etc/shadow $out/s; cat $out/s > $out/t")
        .tree,
    ).toEqual({ p: "", s: "-> /etc/shadow", t: "" });
  });
  test("that never ends, ends", () => {
    expect(() => follow("f() { for i in 1 2 3 4 5 6 7 8 9; do f; done; }; f")).toThrow(OverBudget);
    const nested = "for a in 1 2 3 4 5 6 7 8 9 0; do ";
    expect(() => follow(`${nested.repeat(9)} :; ${"done; ".repeat(9)}`)).toThrow(OverBudget);
    expect(() =>
      follow("x=aaaaaaaaaaaaaaaa; for i in 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5; do x=$x$x; done; echo $x > $out"),
    ).toThrow(OverBudget);
    expect(follow("while true; do echo; done; mkdir $out").tree).toEqual({});
  });
  test("that is nested without end is refused", () => {
    expect(() => follow("( ".repeat(5000))).toThrow(ShellSyntaxError);
    expect(() => follow(`echo ${"$(echo ".repeat(500)}`)).toThrow(ShellSyntaxError);
  });
  test.each(["if true; then", "echo 'x", 'echo "x', "fi", "cat <<EOF\nx", "for in", "case x in y", "a() {", "[[ x"])(
    "that is no script is refused: %s",
    (script) => expect(() => follow(script)).toThrow(ShellSyntaxError),
  );
  test("with a pattern that is slow to match does not hold us up", () => {
    expect(
      follow(
        `mkdir $out; x=${"a".repeat(3000)}; [[ $x =~ (a+)+b ]] && echo > $out/a; [[ $x == ${"*a".repeat(12)}b ]] && echo > $out/b; echo > $out/c`,
      ).tree,
    ).toEqual({ c: "\n" });
  });
});
