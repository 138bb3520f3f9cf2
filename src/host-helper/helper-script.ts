import { sayProgram } from "../apply/confirm-activation.ts";
import { rootProgram } from "../apply/copy-root.ts";
import { dryActivateProgram } from "../apply/dry-activate.ts";
import { followProgram } from "../apply/follow-program.ts";
import { restartProgram } from "../apply/restart-units.ts";
import { startProgram } from "../apply/start-program.ts";
import { supervisorProgram } from "../apply/supervisor-program.ts";
import { evidenceProgram } from "../diagnose/evidence-program.ts";
import { collectGarbageProgram } from "../goal/act/collect-garbage-program.ts";
import { restartUnitProgram } from "../goal/act/restart-unit-program.ts";
import {
  armProgram,
  beginProgram,
  cancelProgram,
  giveUpProgram,
  rebootProgram,
  settleProgram,
  timerScriptText,
} from "../reboot/reboot-program.ts";
import { appendProgram } from "../target/append-ledger.ts";
import { checkProgram } from "../target/check-program.ts";
import { helperCommand, type HelperVerb } from "../target/helper-verb.ts";
import { observeProgram } from "../target/observe-program.ts";
import { helperRunner } from "../target/remote-program.ts";
import { admitProgram } from "./admit-program.ts";

const programs: Readonly<Record<HelperVerb, string>> = {
  observe: observeProgram,
  record: appendProgram,
  root: rootProgram,
  start: startProgram,
  follow: followProgram,
  say: sayProgram,
  "dry-activate": dryActivateProgram,
  restart: restartProgram,
  check: checkProgram,
  evidence: evidenceProgram,
  ping: ":",
  "reboot-begin": beginProgram,
  reboot: rebootProgram,
  "reboot-arm": armProgram,
  "reboot-settle": settleProgram,
  "reboot-give-up": giveUpProgram,
  "reboot-cancel": cancelProgram,
  "act-restart": restartUnitProgram,
  "act-garbage": collectGarbageProgram,
};

const end = "END_OF_A_PROGRAM_OF_THE_GATE";
const text = (name: string, program: string): string => `text_${name}() { cat <<'${end}'\n${program}\n${end}\n}\n`;
const safe = (verb: string): string => verb.replaceAll("-", "_");

/**
 * The whole of nix/helper.sh: the programs that the gate otherwise sends, and what is let through to them. `login` is what sshd runs for the deploy user instead of what
 * that user asks for; `serve` is what the user may run as root, and nothing else. Reads no file of the user's and takes nothing from the environment but what was asked.
 */
export function helperScript(): string {
  const all = Object.entries(programs);
  return `#!/bin/sh
# Made by npm run docs from src/host-helper; the same programs as the gate sends to hosts without it.
set -u
PATH=/run/current-system/sw/bin:/run/wrappers/bin:/nix/var/nix/profiles/default/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
unset IFS CDPATH ENV BASH_ENV

if [ "\${1-}" = login ]; then
  case \${SSH_ORIGINAL_COMMAND-} in
    '${helperCommand}') exec sudo -n -- /etc/nixos-deploy-gate/helper serve ;;
    # A connection that others ride on.
    'exec cat') exec cat ;;
    # As this user, whom the daemon does not trust: it takes signed paths and no others.
    'nix-daemon --stdio') export NIX_REMOTE=daemon; exec nix-daemon --stdio ;;
    'nixos-deploy-gate-helper '*) echo 'nixos-deploy-gate-helper: the gate and this host are of releases that do not know each other' >&2; exit 78 ;;
    *) echo 'nixos-deploy-gate-helper: this key is for the gate alone' >&2; exit 77 ;;
  esac
fi
[ "\${1-}" = serve ] && [ "$#" -eq 1 ] || exit 64
shift

${all.map(([verb, program]) => text(safe(verb), program)).join("")}${text("supervisor", supervisorProgram)}${text("timer", timerScriptText)}
program_of() {
  case $1 in
${all.map(([verb]) => `    ${verb}) text_${safe(verb)} ;;`).join("\n")}
    *) return 1 ;;
  esac
}
${admitProgram}
${helperRunner}`;
}
