import type { HelperVerb } from "./helper-verb.ts";

/**
 * How a program of ours reaches a host and how its answer comes back.
 *
 * The command that ssh hands to the login shell is one constant string. Everything else travels on stdin, each piece with its length in front, so that no host
 * name, path or unit name is ever read by a shell as anything but a value. The answer is a stream of records that carry a nonce: a motd in front of it is passed
 * over, a connection that dies in the middle cannot look like an end, and what a program's children print cannot pass for a record.
 */

/**
 * Read by login shells as different as bash, fish and nushell: one line without single quotes, backslashes or "!" between two single quotes means the same to all
 * of them. It reads one piece, which is the prelude, and nothing behind it: `head -c` of coreutils takes no more than it was told, `read` goes byte by byte.
 */
const bootstrap = [
  "PATH=/run/current-system/sw/bin:/run/wrappers/bin:/nix/var/nix/profiles/default/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "LC_ALL=C",
  "export PATH LC_ALL",
  "umask 077",
  "IFS= read -r gate_length || exit 125",
  'gate_prelude=$(head -c "$gate_length"; echo .)',
  "gate_prelude=${gate_prelude%.}",
  'test "${#gate_prelude}" -eq "$gate_length" || exit 125',
  'eval "$gate_prelude"',
].join("; ");

/** What ssh is told to run for root. */
export const rootCommand = `exec /bin/sh -c '${bootstrap}'`;

/** And for anybody else. `-n`: sudo asks nothing, it refuses. */
export const sudoCommand = `exec sudo -n -- /bin/sh -c '${bootstrap}'`;

/**
 * Sent in front of every program. A program sees `$1` … and these:
 *
 * - `put NAME VALUE`: one record.
 * - `put_file NAME PATH MAXBYTES`: the beginning of a regular file, byte for byte; no record and exit code 1 where there is none or it cannot be read.
 * - `put_output NAME MAXBYTES COMMAND [ARGUMENT …]`: what the command prints, cut, and its exit code as the record `NAME.exit`. The command itself puts nothing.
 *
 * Names are 1 to 64 letters, digits, "_", "." and "-". Records come from one process at a time. Stdin is /dev/null; stdout is stderr, so that a stray line is seen and
 * breaks nothing. `set -u` is on. The program runs in a subshell: `exit` ends it and its code is reported.
 *
 * The stdin of the connection stays open beside it, as a leash: when it ends, because the gate, its ssh or the connection did, or when the time is up, the program's
 * process group gets SIGTERM and five seconds later SIGKILL, so that nothing hangs on a host after the run that asked for it. What has to outlive the connection is
 * started by systemd. sshd gives each command a session of its own, so the group holds nothing else.
 *
 * All pieces together are 16 MiB at most, far more than any program of ours needs: with the helper, who sends them is not root and the shell that holds them is.
 */
const runner = (admit: string): string => `put() { printf '%s put %s %s\\n%s\\n' "$gate_nonce" "$1" "\${#2}" "$2" >&4; }
put_file() {
  [ -f "$2" ] && [ -r "$2" ] || return 1
  printf '%s pipe %s\\n' "$gate_nonce" "$1" >&4
  gate_status=$({ { head -c "$3" <"$2" 2>/dev/null; printf '%s' "$?" >&5; } | base64 -w 0 >&4; } 5>&1)
  printf ' %s\\n' "\${gate_status:-1}" >&4
  return "\${gate_status:-1}"
}
put_output() {
  gate_name=$1 gate_most=$2
  shift 2
  printf '%s pipe %s\\n' "$gate_nonce" "$gate_name" >&4
  gate_status=$({ { "$@" 4>&- 5>&-; printf '%s' "$?" >&5; } | head -c "$gate_most" | base64 -w 0 >&4; } 5>&1)
  printf ' 0\\n' >&4
  put "$gate_name.exit" "\${gate_status:-1}"
  return "\${gate_status:-1}"
}
gate_frame() {
  IFS= read -r gate_length || return 1
  case $gate_length in '' | *[!0-9]* | 0?* | ????????*) return 1 ;; esac
  gate_room=$((gate_room - gate_length))
  [ "$gate_room" -ge 0 ] || return 1
  gate_value=$(head -c "$gate_length"; echo .)
  gate_value=\${gate_value%.}
  [ "\${#gate_value}" -eq "$gate_length" ]
}
gate_leash() {
  trap '' TERM HUP INT PIPE
  if command -v timeout >/dev/null; then timeout -s KILL "$gate_limit" cat; else cat; fi
  kill -TERM 0
  sleep 5
  kill -KILL 0
}
gate_main() {
  for gate_value in head base64 cat sleep; do
    command -v "$gate_value" >/dev/null || { echo "There is no $gate_value in $PATH." >&2; exit 125; }
  done
  IFS= read -r gate_nonce && IFS= read -r gate_limit && IFS= read -r gate_count || exit 125
  case $gate_limit in '' | *[!0-9]* | ????????*) exit 125 ;; esac
  case $gate_count in '' | *[!0-9]* | ?????*) exit 125 ;; esac
  case $gate_nonce in '' | *[!0-9a-f]*) exit 125 ;; esac
  gate_room=16777216
  gate_frame || exit 125
  gate_asked=$gate_value
  set --
  while [ "$gate_count" -gt 0 ]; do
    gate_frame || exit 125
    set -- "$@" "$gate_value"
    gate_count=$((gate_count - 1))
  done
  IFS= read -r gate_value && [ "$gate_value" = "$gate_nonce" ] || exit 125
  ${admit}
  exec 3<&0 4>&1 </dev/null >&2
  gate_leash <&3 >/dev/null 2>&1 3<&- 4>&- &
  gate_holder=$!
  exec 3<&-
  printf '%s begin\\n' "$gate_nonce" >&4
  (set -u; eval "$gate_program")
  gate_status=$?
  kill -KILL "$gate_holder" 2>/dev/null
  printf '%s end %s\\n' "$gate_nonce" "$gate_status" >&4
  exit 0
}
gate_main
`;

/** Runs whatever it is sent. */
const prelude = runner("gate_program=$gate_asked");

/** For the helper of a host that runs nothing that it is sent: `gate_admit WORD ARGUMENT …` sets `gate_admitted` by the word that came in the program's place. */
export const helperRunner: string = runner(`gate_program='gate_admit "$gate_asked" "$@"; eval "$gate_admitted"'`);

export type RemoteInput = {
  /** 32 hexadecimal digits, new for every run. */
  readonly nonce: string;
  /** After which the host ends the program by itself, the connection having said nothing. */
  readonly limitSeconds: number;
  readonly program: string;
  readonly arguments: readonly string[];
};

/** What goes to stdin. Undefined where a piece holds a NUL byte, which no shell can keep. */
export function remoteInput({ nonce, limitSeconds, program, arguments: words }: RemoteInput): Buffer | undefined {
  if ([program, ...words].some((piece) => piece.includes("\0"))) return undefined;
  return Buffer.concat([frame(prelude), asked(nonce, limitSeconds, program, words)]);
}

/** The same for a host with the helper: a verb in the place of the program, and nothing in front that would be run. */
export function helperInput({
  nonce,
  limitSeconds,
  verb,
  arguments: words,
}: Omit<RemoteInput, "program"> & { verb: HelperVerb }): Buffer | undefined {
  return words.some((piece) => piece.includes("\0")) ? undefined : asked(nonce, limitSeconds, verb, words);
}

function asked(nonce: string, limitSeconds: number, first: string, words: readonly string[]): Buffer {
  const pieces = [first, ...words].map(frame);
  return Buffer.concat([Buffer.from(`${nonce}\n${Math.ceil(limitSeconds)}\n${words.length}\n`), ...pieces, Buffer.from(`${nonce}\n`)]);
}

function frame(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]);
}
