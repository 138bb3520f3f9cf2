import{nt as e}from"./prepare.js";function t(t,o,s){let{host:c,user:l}=t,u=n(t),d=r(t),f=s===``?void 0:s;switch(o){case`unreachable`:return e(`target-unreachable`,{host:c,at:u,next:`${d} true   # and: ${i(t)}`},f);case`host-key-unknown`:return e(`target-host-key-unknown`,{host:c,at:u,next:`${i(t)}   # compare with /etc/ssh/ssh_host_*_key.pub on its console, then put the line into "ssh-known-hosts" or deployGate.hosts."${c}".target.hostKeys`},f);case`host-key-changed`:return e(`target-host-key-changed`,{host:c,at:u,next:`${i(t)} | ssh-keygen -lf -   # compare with ssh-keygen -lf on its console before you correct anything`},f);case`access-refused`:return e(`target-access-refused`,{host:c,at:u,next:`${d} true   # with the deploy key; its public half belongs into users.users.${l}.openssh.authorizedKeys.keys of ${c}`},f);case`sudo-refused`:return e(`target-sudo-refused`,{host:c,user:l,next:`${d} sudo -n true   # until that is silent; in NixOS: security.sudo.extraRules with NOPASSWD for ${l}`},f);case`jump-failed`:{let n=t.jump[0]??``,r=t.jump.join(`, `);return e(`target-jump-failed`,{host:c,jump:r,next:`${a(n,t,[])} true   # its host key has to be in "ssh-known-hosts" too`},f)}case`not-understood`:return e(`target-not-understood`,{host:c,at:u,next:`${d} 'echo works'   # prints "works" and nothing else where all is well`},f);case`lost`:return e(`target-lost`,{host:c,at:u,next:`${d} 'uptime; journalctl -b -u sshd -n 20'   # then run the gate again: it goes on from what the host is`},f);case`timed-out`:return e(`target-timed-out`,{host:c,at:u,next:`${d} 'uptime; systemctl list-jobs'`},f);case`no-ssh`:return e(`ssh-unusable`,{},f)}}function n({user:e,hostname:t,port:n}){return`${e}@${t.includes(`:`)&&n!==22?`[${t}]`:t}${n===22?``:`:${n}`}`}function r(e){return[`ssh`,...e.jump.length===0?[]:[`-J`,e.jump.map(t=>o(t,e)).join(`,`)],...e.port===22?[]:[`-p`,String(e.port)],`${e.user}@${e.hostname}`].join(` `)}function i(e){let t=[`ssh-keyscan`,...e.port===22?[]:[`-p`,String(e.port)],e.hostname].join(` `),n=e.jump.at(-1);return n===void 0?t:`${a(n,e,e.jump.slice(0,-1))} ${t}`}function a(e,t,n){let[r=``,i]=o(e,t).split(`:`);return[`ssh`,...n.length===0?[]:[`-J`,n.map(e=>o(e,t)).join(`,`)],...i===void 0?[]:[`-p`,i],r].join(` `)}const o=(e,t)=>e.includes(`@`)?e:`${t.user}@${e}`;function s(e){let t=[];for(let n of e.split(`
`)){let e=n.split(` `),r=e.indexOf(`-`,6),[i,a,o]=e.slice(3),[s,l,u]=r===-1?[]:e.slice(r+1);if(i!==void 0&&a!==void 0&&o!==void 0&&s!==void 0&&l!==void 0&&u!==void 0&&(t.push({target:c(a),source:c(l),root:c(i),type:s,options:o.split(`,`),superOptions:u.split(`,`).map(c)}),t.length>=2e4))break}return t}function c(e){return e.replace(/\\([0-7]{3})/g,(e,t)=>String.fromCharCode(Number.parseInt(t,8)))}function l(e){return e.split(`
`).slice(1).map(e=>c(e.split(/\s/)[0]??``)).filter(e=>e!==``)}function u(e,t,n){let r=/* @__PURE__ */ new Map;for(let e of t.split(`
`)){let t=/^(\d+)\/exe\t(.+)$/.exec(e);t!==null&&r.set(Number(t[1]),t[2]??``)}let i=/* @__PURE__ */ new Map;for(let e of n.split(`
`)){let t=/^(\d+)\/cmdline:(\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+._?=/-]+)$/.exec(e);if(t===null)continue;let n=Number(t[1]),r=i.get(n)??/* @__PURE__ */ new Set;r.size<50&&r.add(t[2]??``),i.set(n,r)}let a=[];for(let t of e.split(/\n\n+/)){let e=d(t,r,i);if(e!==void 0&&a.push(e),a.length>=1e4)break}return a}function d(e,t,n){let r=/* @__PURE__ */ new Map;for(let t of e.split(`
`)){let e=t.indexOf(`=`);e>0&&r.set(t.slice(0,e),t.slice(e+1))}let i=r.get(`Id`),a=r.get(`ActiveState`);if(i===void 0||a===void 0||i===``||i.length>300)return;let o=f(r.get(`MainPID`));return{unit:i,loadState:r.get(`LoadState`)??``,activeState:a,subState:r.get(`SubState`)??``,result:r.get(`Result`)??``,needDaemonReload:r.get(`NeedDaemonReload`)===`yes`,fragmentPath:r.get(`FragmentPath`)??``,mainPid:o,executable:o===0?void 0:t.get(o),runs:o===0?[]:[...n.get(o)??[]],restarts:f(r.get(`NRestarts`)),execMainStatus:f(r.get(`ExecMainStatus`)),activeSince:p(r.get(`ActiveEnterTimestamp`)??``)}}const f=e=>e!==void 0&&/^\d{1,9}$/.test(e)?Number(e):0;function p(e){let t=/^@(\d{1,11})$/.exec(e);if(t!==null)return/* @__PURE__ */ new Date(Number(t[1])*1e3);let n=/^[A-Z][a-z]{2} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/.exec(e);if(n===null)return;let r=/* @__PURE__ */ new Date(`${n[1]}T${n[2]}Z`);return Number.isNaN(r.getTime())?void 0:r}const m=/* @__PURE__ */ new Set([`activating`,`deactivating`,`reloading`,`refreshing`]),h=/^(?:nixos-deploy-gate-(?!listener\.|timer-|failed@).*|nixos-rebuild-switch-to-configuration.*|nixos-cli-.*|clan-(?:switch|boot|test|dry-activate)-.*|comin-.*|cachix-deploy-.*|nixos-upgrade)\.service$/,g=e=>h.test(e);function _(e){return e.filter(e=>g(e.unit)).filter(e=>m.has(e.activeState)||e.activeState===`active`&&e.subState!==`exited`).map(e=>e.unit)}const v={tcp:`0A`,udp:`07`};function y(e,t){let n=/* @__PURE__ */ new Map;for(let r of e.split(`
`)){let e=/^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) 0+:0000 ([0-9A-F]{2})\b/.exec(r);if(e===null||e[3]!==v[t])continue;let i=b(e[1]??``),a=Number.parseInt(e[2]??``,16);n.set(`${i} ${a}`,{protocol:t,address:i,port:a})}return[...n.values()]}function b(e){let t=(e.match(/.{8}/g)??[]).flatMap(e=>(e.match(/../g)??[]).map(e=>Number.parseInt(e,16)).reverse());if(t.length===4)return t.join(`.`);if(t.slice(0,10).every(e=>e===0)&&t[10]===255&&t[11]===255)return t.slice(12).join(`.`);let n=Array.from({length:8},(e,n)=>((t[n*2]??0)<<8|(t[n*2+1]??0)).toString(16));return new URL(`http://[${n.join(`:`)}]/`).hostname.slice(1,-1)}const x=/^\/nix\/store\/[0-9abcdfghijklmnpqrsvwxyz]{32}-[A-Za-z0-9+._?=-]{1,211}$/,S=/^\/nix\/store\/[0-9abcdfghijklmnpqrsvwxyz]{32}-[A-Za-z0-9+._?=-]{1,211}(?:\/[^\0]{1,1000})?$/;function C(e){let t=/* @__PURE__ */ new Map;for(let n of e)t.has(n.name)||t.set(n.name,n.value);let n=e=>t.get(e)??``,r=e=>({ok:!1,problem:e});if(!t.has(`done`))return r(`it did not come to its end`);let i=n(`hostname`).trim();if(!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/.test(i))return r(`it does not say its host name`);let a=n(`boot-id`).trim();if(!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(a))return r(`it does not say which boot it is in`);let o=j(n(`clock`).trim());if(o===void 0)return r(`it does not say its time`);let c=n(`machine-id`).trim();for(let e of[`current`,`profile`,`booted`]){let n=t.get(e);if(n!==void 0&&!x.test(n))return r(`its ${e} system is not a path of the store`)}let d=u(n(`units`),n(`executables`),n(`command-lines`)),f=s(n(`mounts`)),p=[`tcp`,`udp`].flatMap(e=>[...y(A(n(`listening`),e),e),...y(n(`listening-${e}`),e),...y(n(`listening-${e}6`),e)]),m=t.get(`current`),h=/^system-(\d{1,9})-link$/.exec(n(`profile-link`).trim())?.[1];return{ok:!0,value:{identity:{name:i,machineId:/^[0-9a-f]{32}$/.test(c)?c:void 0},bootId:a,at:o,uptimeSeconds:Number(/^\d{1,12}(?:\.\d+)?/.exec(n(`uptime`))?.[0]??0),isNixos:n(`nixos`)===`yes`,current:m,specialisation:M(m,t),profile:t.get(`profile`),generation:h===void 0?void 0:Number(h),booted:t.get(`booted`),systems:{current:N(t,`current`),profile:N(t,`profile`),booted:N(t,`booted`)},generations:P(n(`generations`)),switchLock:n(`switch-lock`)===`free`?`free`:n(`switch-lock`)===`held`?`held`:`unknown`,activations:_(d),scheduledShutdown:F(n(`shutdown`)),systemState:/^[a-z-]{1,40}$/.exec(n(`system-state`).trim())?.[0]??`unknown`,failedUnits:t.has(`failed`)?w(n(`failed`)).map(e=>e.replace(/^[●*] /,``).split(/\s/)[0]??``):d.filter(e=>e.activeState===`failed`).map(e=>e.unit),space:{store:I(n(`space-store`)),boot:L(t,f),state:I(n(`space-state`))},kernel:{release:n(`kernel-release`).trim(),commandLine:n(`kernel-command-line`).trim(),modules:w(n(`modules`)).map(e=>e.split(` `)[0]??``)},mounts:f,swaps:l(n(`swaps`)),devices:new Map(T(n(`devices`))),listening:[...new Map(p.map(e=>[`${e.protocol} ${e.address} ${e.port}`,e])).values()],units:d,sysctl:k(n(`sysctl`)),sshd:w(n(`sshd`)).filter(e=>/^[a-z0-9]+(?: |$)/.test(e)),loggedIn:R(t.get(`sessions`),n(`own-session`)),...z(t)}}}const w=e=>e.split(`
`).filter(e=>e.length<=8192&&e.trim()!==``),T=e=>w(e).flatMap(e=>{let t=e.indexOf(`	`);return t<=0?[]:[[e.slice(0,t),e.slice(t+1)]]}),E=e=>e.replace(/[./]/g,e=>e===`/`?`.`:`/`),D=E;function O(e){return/^[A-Za-z0-9_.:/@-]{1,200}$/.test(e)&&!/(^|[./])[./]|[./]$/.test(e)?E(e):void 0}function k(e){let t=/* @__PURE__ */ new Map;for(let[n,r]of T(e)){let e=D(n.replace(/^\.\//,``));t.set(e,`${t.get(e)??``} ${r}`.trim().replace(/\s+/g,` `))}return t}const A=(e,t)=>e.split(`
`).flatMap(e=>{let n=e.indexOf(`:`),r=e.slice(0,n);return r===t||r===`${t}6`?[e.slice(n+1)]:[]}).join(`
`);function j(e){return/^\d{1,11}$/.test(e)?/* @__PURE__ */ new Date(Number(e)*1e3):void 0}function M(e,t){if(e===void 0||e===t.get(`profile`))return;let n=T(t.get(`specialisations`)??``).find(([,t])=>t===e)?.[0];return n===void 0?void 0:/\/specialisation\/([A-Za-z0-9+._-]{1,64})$/.exec(n)?.[1]}function N(e,t){let n=e.get(t);if(n===void 0)return;let r=[`current`,`booted`,`profile`].find(t=>e.get(t)===n)??t,i=t=>{let n=e.get(`${r}-${t}`);return n!==void 0&&S.test(n)?n:void 0};return{kernel:i(`kernel`),initrd:i(`initrd`),kernelModules:i(`kernel-modules`),firmware:i(`firmware`),systemd:i(`systemd`),kernelParams:e.get(`${r}-kernel-params`)?.trim(),initInterfaceVersion:e.get(`${r}-init-interface-version`)?.trim(),switchInhibitors:e.get(`${r}-switch-inhibitors`),rebootTriggers:e.get(`${r}-reboot-triggers`)}}function P(e){return w(e).flatMap(e=>{let[t=``,n=``,r=``]=e.split(`	`),i=/(?:^|\/)system-(\d{1,9})-link$/.exec(t)?.[1];return i===void 0||!x.test(r)?[]:[{number:Number(i),toplevel:r,at:j(n)}]}).sort((e,t)=>t.number-e.number)}function F(e){let t=/^USEC=(\d{1,17})$/m.exec(e)?.[1];if(!(t===void 0||/^MODE=dry-/m.test(e)))return new Date(Math.floor(Number(t)/1e3))}function I(e){let t=/^(\d{1,9}) (\d{1,16}) (\d{1,16}) (\d{1,16}) (\d{1,16})\s*$/.exec(e);if(t===null)return;let[n=0,r=0,i=0,a=0,o=0]=t.slice(1).map(Number);return{sizeBytes:n*r,freeBytes:n*i,freeInodes:a===0?void 0:o}}function L(e,t){let n=new Set(t.map(e=>e.target)),r=[[`/boot`,`space-boot`],[`/efi`,`space-efi`],[`/boot/efi`,`space-boot-efi`]],[i,a]=r.find(([e])=>n.has(e))??r[0],o=I(e.get(a)??``);return o===void 0?void 0:{...o,mountPoint:i}}function R(e,t){if(e===void 0)return;let n=/* @__PURE__ */ new Set;for(let r of e.split(/\n\n+/)){let e=e=>RegExp(`^${e}=(.*)$`,`m`).exec(r)?.[1]??``,i=e(`Name`);i!==``&&e(`Id`)!==t&&e(`State`)!==`closing`&&e(`Class`).startsWith(`user`)&&n.add(i)}return[...n].sort()}function z(e){let t=e.get(`ledger`),n=e.get(`ledger-state`);if(n===`absent`)return{ledger:void 0,ledgerState:`absent`};if(n!==`read`||t===void 0)return{ledger:void 0,ledgerState:`unreadable`};let r=t.split(`
`);return Buffer.byteLength(t)>=1048575&&r.shift(),{ledger:r.filter(e=>e!==``).slice(-500),ledgerState:`read`}}async function B(n,r,i={}){let a=(i.sysctl??[]).flatMap(e=>O(e)??[]).slice(0,500),o=await n.run({address:r,program:`
unset IFS
LC_ALL=C TZ=UTC
export LC_ALL TZ
much=full wanted=
if [ $# -gt 0 ]; then much=$1; fi
if [ $# -gt 1 ]; then wanted=$2; fi
tab=$(printf '\\t')
line='
'

have() { command -v "$1" >/dev/null 2>&1; }
# A dead file server, bus or login manager must not hold the rest.
limit=
if have timeout; then limit='timeout 20'; fi
# put_said NAME BYTES COMMAND ...: what a command says; no record where it cannot be run or says nothing.
put_said() {
  name=$1 most=$2
  shift 2
  have "$1" || return 0
  said=$($limit "$@" </dev/null 2>/dev/null | head -c "$most") || :
  [ -z "$said" ] || put "$name" "$said"
}
# put_line NAME PATH: the first line of a short file, read by the shell itself.
put_line() {
  [ -r "$2" ] || return 0
  said=
  { IFS= read -r said <"$2"; } 2>/dev/null || :
  put "$1" "$said"
}
# put_text NAME PATH BYTES: the beginning of a text, without the newlines at its end.
put_text() {
  if [ -f "$2" ] && [ -r "$2" ] && said=$(head -c "$3" "$2" 2>/dev/null); then put "$1" "$said"; fi
}
ends_of() { readlink -f -- "$@" 2>/dev/null; }
room_of() { $limit stat -f -c '%S %b %a %c %d' -- "$@" 2>/dev/null; }
# each COMMAND PATH ...: sets "answers" to a line for each path, empty where there is none. One process answers for all; where that fails, one for each.
each() {
  ask=$1 count=0
  shift
  answers=$("$ask" "$@" </dev/null)$line || answers=
  rest=$answers
  while [ -n "$rest" ]; do
    count=$((count + 1))
    rest=\${rest#*"$line"}
  done
  [ "$count" -ne $# ] || return 0
  answers=
  for path in "$@"; do
    answer=$("$ask" "$path" </dev/null) || answer=
    case $answer in *"$line"*) answer= ;; esac
    answers=$answers$answer$line
  done
}
next_answer() {
  answer=\${answers%%"$line"*}
  answers=\${answers#*"$line"}
}
# put_each NAMES: the answers, each under its name.
put_each() {
  for name in $1; do
    next_answer
    [ -z "$answer" ] || put "$name" "$answer"
  done
}
# put_ends NAME LINK ...: where links end, a line for each.
put_ends() {
  name=$1 found=
  shift
  [ $# -gt 0 ] || return 0
  each ends_of "$@"
  for path in "$@"; do
    next_answer
    [ -z "$answer" ] || found=$found$path$tab$answer$line
  done
  [ -z "$found" ] || put "$name" "$found"
}

# ---- who this is
put_line hostname /proc/sys/kernel/hostname
put_line machine-id /etc/machine-id
put_line boot-id /proc/sys/kernel/random/boot_id
put_said clock 64 date +%s
put_line uptime /proc/uptime
if [ -e /etc/NIXOS ]; then put nixos yes; else put nixos no; fi

# ---- which systems
profiles=/nix/var/nix/profiles
current=/run/current-system booted=/run/booted-system profile=$profiles/system
set --
names=
for system in current booted profile; do
  case $system in current) at=$current ;; booted) at=$booted ;; profile) at=$profile ;; esac
  for part in '' kernel initrd kernel-modules firmware systemd; do
    [ -e "$at/$part" ] || continue
    names="$names $system\${part:+-}$part"
    set -- "$@" "$at/$part"
  done
done
if [ $# -gt 0 ]; then
  each ends_of "$@"
  put_each "$names"
fi
if [ -L "$profile" ]; then put_said profile-link 256 readlink "$profile"; fi
put_texts() {
  [ -d "$2" ] || return 0
  for part in kernel-params init-interface-version switch-inhibitors reboot-triggers; do
    put_text "$1-$part" "$2/$part" 65536
  done
}
same() { [ "$1" -ef "$2" ]; } 2>/dev/null
put_texts current "$current"
same "$booted" "$current" || put_texts booted "$booted"
same "$profile" "$current" || same "$profile" "$booted" || put_texts profile "$profile"

# A specialisation is a system of its own: only the links of its parent tell its name. What the profile is needs none.
if [ -e "$current" ] && ! same "$current" "$profile"; then
  set --
  for link in "$profile"/specialisation/* "$booted"/specialisation/* "$profiles"/system-*-link/specialisation/*; do
    [ -L "$link" ] && [ -e "$link" ] || continue
    set -- "$@" "$link"
    [ $# -lt 200 ] || break
  done
  put_ends specialisations "$@"
fi

# ---- what else is going on
# Shared, opened for reading: it neither makes the file nor lasts longer than the look.
lock=/run/nixos/switch-to-configuration.lock
if [ ! -e "$lock" ]; then
  put switch-lock free
elif have flock && [ -r "$lock" ]; then
  if (flock -n -s 9) 9<"$lock" 2>/dev/null; then put switch-lock free; else put switch-lock held; fi
fi
put_text shutdown /run/systemd/shutdown/scheduled 1024
put_said system-state 256 systemctl is-system-running
if have systemctl && failed=$($limit systemctl list-units --failed --plain --no-legend --no-pager --full </dev/null 2>/dev/null); then
  [ "\${#failed}" -le 65536 ] || failed=$(printf '%s' "$failed" | head -c 65536)
  put failed "$failed"
fi

# ---- room
set --
names=
for place in store:/nix/store boot:/boot efi:/efi boot-efi:/boot/efi state:/var/lib; do
  [ -e "\${place#*:}" ] || continue
  names="$names space-\${place%%:*}"
  set -- "$@" "\${place#*:}"
done
if [ $# -gt 0 ]; then
  each room_of "$@"
  put_each "$names"
fi

# ---- kernel
put_line kernel-release /proc/sys/kernel/osrelease
put_text kernel-command-line /proc/cmdline 8192

# ---- mounts
mounts=/proc/1/mountinfo
[ -r "$mounts" ] || mounts=/proc/self/mountinfo
put_text mounts "$mounts" 2097152
put_text swaps /proc/swaps 65536

# ---- units that are neither inactive nor unknown, which systemctl leaves out where a pattern is asked
show() { $limit systemctl show --no-pager "$@" </dev/null 2>/dev/null | head -c 4194304; }
units=
if have systemctl; then
  case $much in
    brief) units=$(show --property=Id,LoadState,ActiveState,SubState,NRestarts --state=running,activating,deactivating,reloading,refreshing,maintenance,failed '*.service') || : ;;
    health) units=$(show --property=Id,LoadState,ActiveState,SubState,NRestarts '*.service') || : ;;
    full)
      set -- --property=Id,LoadState,ActiveState,SubState,Result,NeedDaemonReload,FragmentPath,MainPID,NRestarts,ExecMainStatus,ActiveEnterTimestamp
      # Devices, slices and scopes are many and promise nothing.
      set -- "$@" '*.service' '*.socket' '*.mount' '*.automount' '*.swap' '*.target' '*.timer' '*.path'
      units=$(show --timestamp=unix "$@") || :
      [ -n "$units" ] || units=$(show "$@") || : ;;
  esac
fi
[ -z "$units" ] || put units "$units"

# ---- the ledger: absent, unreadable and empty are three things
ledger=/var/lib/nixos-deploy-gate/ledger.jsonl
if [ ! -e "$ledger" ] && [ ! -L "$ledger" ]; then
  if [ -d /var/lib ] && [ -x /var/lib ] && { [ ! -e /var/lib/nixos-deploy-gate ] || [ -x /var/lib/nixos-deploy-gate ]; }; then
    put ledger-state absent
  else
    put ledger-state unreadable
  fi
elif [ -f "$ledger" ] && [ -r "$ledger" ] && lines=$(tail -c 1048576 "$ledger" 2>/dev/null); then
  put ledger "$lines"
  put ledger-state read
else
  put ledger-state unreadable
fi

if [ "$much" = full ]; then
# ---- generations
generations=$($limit find "$profiles" -maxdepth 1 -name 'system-*-link' -printf '%f\\t%Ts\\t%l\\n' </dev/null 2>/dev/null | sort -t - -k 2,2rn | head -n 500) || :
if [ -z "$generations" ]; then
  count=0
  for link in "$profiles"/system-*-link; do
    [ -L "$link" ] || continue
    count=$((count + 1))
    [ "$count" -le 200 ] || break
    end=$(readlink "$link" 2>/dev/null) || continue
    generations="$generations$link$tab$tab$end$line"
  done
fi
[ -z "$generations" ] || put generations "$generations"

# ---- who is logged in
if have loginctl && sessions=$($limit loginctl list-sessions --no-legend --no-pager </dev/null 2>/dev/null); then
  set --
  while read -r session others; do
    case $session in '' | *[!A-Za-z0-9_-]*) continue ;; esac
    set -- "$@" "$session"
    [ $# -lt 200 ] || break
  done <<END
$sessions
END
  if [ $# -eq 0 ]; then
    put sessions ''
  else
    put_said sessions 131072 loginctl show-session --property=Id --property=Name --property=Class --property=State "$@"
  fi
  own=
  while IFS= read -r group; do
    case $group in */session-*.scope*) own=\${group##*/session-}; own=\${own%%.scope*} ;; esac
  done 2>/dev/null </proc/self/cgroup
  case $own in *[!A-Za-z0-9_]*) own= ;; esac
  put own-session "$own"
fi

# ---- kernel
put_text modules /proc/modules 262144
if [ -n "$wanted" ]; then
  set --
  # A path that climbs would read what nobody asked for.
  while IFS= read -r key; do
    case $key in '' | /* | *..*) continue ;; esac
    [ -f "/proc/sys/$key" ] && [ -r "/proc/sys/$key" ] || continue
    set -- "$@" "./$key"
  done <<END
$wanted
END
  # Not read by the shell: the kernel gives one that reads byte by byte the first byte only.
  values=
  [ $# -eq 0 ] || values=$(cd /proc/sys && grep -asHZ '' -- "$@" 2>/dev/null | tr '\\000' '\\t' | head -c 2097152) || :
  put sysctl "$values"
fi

# ---- devices
set --
# What anybody may make is none.
for link in /dev/disk/by-uuid/* /dev/disk/by-label/* /dev/disk/by-partuuid/* /dev/disk/by-partlabel/* /dev/mapper/* /dev/disk/by-id/* /dev/*/*; do
  [ -L "$link" ] && [ -e "$link" ] || continue
  case $link in /dev/char/* | /dev/block/* | /dev/fd/* | /dev/input/* | /dev/snd/* | /dev/bus/* | /dev/dri/* | /dev/serial/* | /dev/shm/* | /dev/mqueue/*) continue ;; esac
  set -- "$@" "$link"
  [ $# -lt 400 ] || break
done
put_ends devices "$@"

# ---- sockets: 0A listens (TCP), 07 is bound to no peer (UDP)
net=/proc/1/net
[ -r "$net/tcp" ] || net=/proc/net
if have grep; then
  put listening "$(cd "$net" 2>/dev/null && grep -EsH '^ *[0-9]+: [0-9A-F]+:[0-9A-F]+ 0+:0000 (0A|07) ' tcp tcp6 udp udp6 | head -c 1048576)"
else
  for protocol in tcp tcp6 udp udp6; do put_text "listening-$protocol" "$net/$protocol" 262144; done
fi

# ---- processes of units
pids=
[ -z "$units" ] || pids=$(printf '%s\\n' "$units" | sed -n 's/^MainPID=\\([1-9][0-9]*\\)$/\\1/p' | head -n 600) || :
if [ -n "$pids" ]; then
  links= lines=
  for pid in $pids; do links="$links $pid/exe" lines="$lines $pid/cmdline"; done
  # shellcheck disable=SC2086
  executables=$(cd /proc && $limit find $links -maxdepth 0 -printf '%p\\t%l\\n' </dev/null 2>/dev/null | head -c 1048576) || :
  [ -z "$executables" ] || put executables "$executables"
  if have grep; then
    # shellcheck disable=SC2086
    named=$(cd /proc && grep -aosH '/nix/store/[0-9a-z]\\{32\\}-[A-Za-z0-9+._?=/-]*' $lines 2>/dev/null | sort -u | head -c 1048576) || :
    put command-lines "$named"
  fi
fi

# ---- sshd, asked with the file that the running one was given
if [ "$(id -u 2>/dev/null)" = 0 ] && have systemctl && have sed; then
  program= configuration=
  for pid in $(show --property=MainPID sshd.service ssh.service | sed -n 's/^MainPID=\\([1-9][0-9]*\\)$/\\1/p'); do
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || :
    configuration=$(tr '\\000' ' ' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 's/.* -f *\\([^ ]*\\).*/\\1/p') || :
    break
  done
  if [ ! -x "$program" ]; then
    # Started by its socket, or replaced on disk: what systemd would start.
    start=$(show --property=ExecStart sshd.service sshd@.service ssh.service | grep -m 1 'path=.*sshd') || :
    program=$(printf '%s\\n' "$start" | sed -n 's/.*path=\\([^ ;]*\\).*/\\1/p') || :
    configuration=$(printf '%s\\n' "$start" | sed -n 's/.*argv\\[\\]=[^;]* -f *\\([^ ;]*\\).*/\\1/p') || :
  fi
  if [ -x "$program" ]; then
    if [ -r "$configuration" ]; then
      put_said sshd 65536 "$program" -T -f "$configuration"
    else
      put_said sshd 65536 "$program" -T
    fi
  fi
fi
fi
put done yes
`,verb:`observe`,arguments:[i.much??`full`,a.join(`
`)],connection:i.connection??`shared`,timeoutSeconds:i.timeoutSeconds??120,maxBytes:16777216});if(!o.ok)return{ok:!1,trouble:o.trouble,failure:t(r,o.trouble,o.detail)};let s=C(o.records);return s.ok?{ok:!0,observation:s.value}:{ok:!1,trouble:`not-understood`,failure:e(`observation-unreadable`,{host:r.host,problem:s.problem},o.stderr)}}function V(t,n){let{host:r,hostname:i,identity:a}=t,o=n.identity,s=`hosts.${JSON.stringify(r)}.target`;if(o.name!==a.name){let t=`${s}.name = ${JSON.stringify(o.name)};`;return e(`wrong-host`,{host:r,hostname:i,what:`host name`,expected:a.name,found:o.name,line:t})}if(a.machineId!==void 0&&o.machineId!==a.machineId){let t=o.machineId??`unknown`,n=`${s}.machineId = ${o.machineId===void 0?`ITS-MACHINE-ID`:JSON.stringify(o.machineId)};`;return e(`wrong-host`,{host:r,hostname:i,what:`machine id`,expected:a.machineId,found:t,line:n})}let c=n.isNixos?n.current===void 0?`/run/current-system`:void 0:`/etc/NIXOS`;return c===void 0?void 0:e(`not-nixos`,{host:r,hostname:i,lacks:c})}export{t as a,r as i,B as n,g as r,V as t};