import { redactPair } from "../secrets.ts";
import type { Derivation } from "./derivation.ts";
import { followBuild } from "./follow-build.ts";

/** The steps that nixpkgs' builders are made of. */
const script = `
mkdir -p $out/etc
enter() {
  src="$1"
  target="$2"
  if [[ "$src" = *'*'* ]]; then
    for fn in $src; do ln -s "$fn" "$out/etc/$target/"; done
  else
    mkdir -p "$out/etc/$(dirname "$target")"
    if ! [ -e "$out/etc/$target" ]; then ln -s "$src" "$out/etc/$target"; else echo "twice: $target"; fi
    if [ "$3" != symlink ]; then echo "$3" > "$out/etc/$target.mode"; fi
  fi
}
for i in ${Array.from({ length: 60 }, (_, index) => `/build/${index}.d`).join(" ")}; do
  mkdir $i
  echo $i > $i/file$(basename $i)
  fn=$(basename $i/*)
  if [ -e $out/$fn ]; then ln -s $i/$fn $out/$fn.d; else ln -fs $i/$fn $out/; fi
  enter "$i/$fn" "some/$fn" '0440'
done
`;

const out = "/nix/store/00000000000000000000000000000000-warm-up";
const derivation: Derivation = {
  path: `${out}.drv`,
  outputs: new Map([["out", out]]),
  fixed: false,
  mentions: [],
  stdenv: undefined,
  libc: undefined,
  inputs: [],
  build: { script, environment: new Map(), passAsFile: [] },
};

/**
 * Nix thinks for a tenth of a second before it begins to answer. Meanwhile a build of our own is followed and a text looked through for secrets: both are slow only the first
 * time, while the scanner makes its rules ready and the engine compiles what it runs.
 */
export function warmUp(): void {
  redactPair("", "secret = none\n");
  followBuild(derivation, { prefix: "/nix/store", rootOf: () => undefined, nodeAt: () => undefined });
}
