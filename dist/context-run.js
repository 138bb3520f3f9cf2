import{n as e,t}from"./context-text.js";import{R as n}from"./judge-and-apply.js";import{T as r}from"./gate.js";import{t as i}from"./deploy-run2.js";import{n as a}from"./fleet-setup.js";import{t as o}from"./fleet-statuses.js";import{t as s}from"./prepare.js";import{r as c}from"./ssh-words.js";import{X509Certificate as l}from"node:crypto";function u(e){let t=new Map(e.map(({name:e,value:t})=>[e,t])),r=e=>t.get(e)??``,i=v(r(`now`)),a=new Set(d(r(`results`)).flatMap(e=>(e.get(`Result`)??`success`)!==`success`&&e.get(`ActiveState`)!==`activating`?[e.get(`Id`)??``]:[])),o=[...t.keys()],s=(e,t)=>({name:e,text:n(r(t).trimEnd(),{bytes:4e3,keep:`head`}).text,exit:v(r(`${t}.exit`))});return{memory:m(r(`meminfo`)),load:h(r(`loadavg`)),pressure:new Map([`memory`,`io`].flatMap(e=>{let t=/^some avg10=([0-9.]{1,8})/m.exec(r(`pressure-${e}`))?.[1];return t===void 0?[]:[[e,Number(t)]]})),fileSystems:g(r(`space`),r(`inodes`)),errors:{bySpeaker:r(`speakers`).split(`
`).flatMap(e=>{let[,t,n]=/^\s*([0-9]{1,7}) (\S{1,255})$/.exec(e)??[];return n===void 0?[]:[[n,Number(t)]]}),last:n(r(`errors`),{bytes:6e3,keep:`tail`}).text},timers:i===void 0?[]:d(r(`timers`)).flatMap(e=>f(e,i,a)),certificates:o.flatMap(e=>{let t=/^certificate\.([0-9]{1,2})\.path$/.exec(e)?.[1];return t===void 0?[]:[_(r(e),r(`certificate.${t}`))]}),said:[...[`consul`,`nomad-jobs`,`nomad-nodes`,`k3s`,`zfs-health`,`zfs-pools`].filter(e=>t.has(e)).map(e=>s(e,e)),...o.flatMap(e=>{let t=/^asked\.([0-9]{1,2})\.name$/.exec(e)?.[1];return t===void 0?[]:[s(r(e).slice(0,60),`asked.${t}`)]})]}}function d(e){return e.split(/\n\n+/).flatMap(e=>{let t=e.split(`
`).flatMap(e=>{let t=e.indexOf(`=`);return t<=0?[]:[[e.slice(0,t),e.slice(t+1)]]});return t.length===0?[]:[new Map(t)]})}function f(e,t,n){let r=e.get(`Id`)??``;if(!/^[^\s/]{1,255}\.timer$/.test(r)||e.get(`ActiveState`)!==`active`)return[];let[i,a]=[p(e.get(`NextElapseUSecRealtime`)),p(e.get(`LastTriggerUSec`))],o=e.get(`Unit`)??r.replace(/timer$/,`service`);return n.has(o)?[{timer:r,why:`last-run-failed`,at:a}]:i!==void 0&&t-i.getTime()/1e3>7200?[{timer:r,why:a===void 0?`never-fired`:`overdue`,at:i}]:[]}function p(e){let[,t,n]=/^[A-Z][a-z]{2} ([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) UTC$/.exec(e??``)??[],r=t===void 0?NaN:Date.parse(`${t}T${n}Z`);return Number.isNaN(r)?void 0:new Date(r)}function m(e){let t=t=>{let n=RegExp(`^${t}: +([0-9]{1,12}) kB$`,`m`).exec(e)?.[1];return n===void 0?void 0:Number(n)*1024},[n,r]=[t(`MemTotal`),t(`MemAvailable`)];if(n!==void 0&&r!==void 0)return{totalBytes:n,availableBytes:r,swapTotalBytes:t(`SwapTotal`)??0,swapFreeBytes:t(`SwapFree`)??0}}function h(e){let t=/^([0-9.]{1,9}) ([0-9.]{1,9}) ([0-9.]{1,9}) /.exec(e);return t===null?void 0:t.slice(1).map(Number)}function g(e,t){let n=e=>e.split(`
`).flatMap(e=>{let[,t,n,r,,i,a,o]=/^(\S+) +(\S+) +([0-9]{1,18}|-) +([0-9]{1,18}|-) +([0-9]{1,18}|-) +([0-9]{1,3}%|-) +(\/.*)$/.exec(e)??[];return o===void 0?[]:[{source:t??``,type:n??``,size:v(r),free:v(i),share:v(a?.replace(`%`,``)),target:o}]}),r=new Map(n(t).map(({target:e,share:t})=>[e,t])),i=/* @__PURE__ */ new Set;return n(e).flatMap(({source:e,type:t,size:n,free:a,target:o})=>{if(n===void 0||a===void 0||n===0)return[];let s=`${e} ${n}`;return i.has(s)&&e.startsWith(`/`)?[]:(i.add(s),[{target:o,type:t,sizeBytes:n,freeBytes:a,inodesUsed:r.get(o)}])})}function _(e,t){try{let n=new l(t),r=Date.parse(n.validTo);return{path:e,subject:(n.subjectAltName??n.subject).replaceAll(`DNS:`,``).slice(0,300),until:Number.isNaN(r)?void 0:new Date(r)}}catch{return{path:e,subject:``,until:void 0}}}function v(e){return e!==void 0&&/^[0-9]{1,18}$/.test(e.trim())?Number(e):void 0}const y=2**30;function b(e,t,n){if(!e.reachable)return[{weight:100,sentence:`does not answer: ${e.failure.message}`}];let r=[],i=(e,t)=>void r.push({weight:e,sentence:t});for(let t of e.failedUnits)i(80,`${t} has failed`);if(e.systemState!==`running`&&e.failedUnits.length===0&&i(40,`the system is ${e.systemState}`),e.reboot.needed&&i(30,`a reboot is pending${e.reboot.pendingHours===void 0?``:` for ${Math.round(e.reboot.pendingHours)} h`}`),e.profile!==e.current&&i(35,`what is active is not what boots`),e.behindBy!==void 0&&e.behindBy>0&&i(10,`behind by ${e.behindBy} ${e.behindBy===1?`commit`:`commits`}`),e.last!==void 0&&e.last.outcome!==`deployed`&&e.last.outcome!==`staged`&&i(45,`the last deploy ended as ${e.last.outcome}`),t===void 0)return x([...r,{weight:50,sentence:`could not be asked for its health`}]);for(let{target:e,sizeBytes:n,freeBytes:r,inodesUsed:a}of t.fileSystems){let t=100*r/n,o=`${t.toFixed(+(t<10))} % (${(r/y).toFixed(1)} GiB) left on ${e}`;t<5&&r<50*y?i(75,o):t<12&&r<50*y&&i(35,o),a!==void 0&&a>90&&i(60,`${a} % of the inodes of ${e} are in use`)}let{memory:a}=t;a!==void 0&&a.availableBytes<a.totalBytes*.05&&i(60,`${(100*a.availableBytes/a.totalBytes).toFixed(1)} % of the memory is available`);for(let[e,n]of t.pressure)n>30&&i(50,`${n} % of the last seconds something waited for ${e}`);for(let{timer:e,why:n,at:r}of t.timers)i(n===`last-run-failed`?55:40,n===`last-run-failed`?`the last run of ${e} failed`:`${e} should have ${n===`never-fired`?`fired for the first time`:`fired`} ${r===void 0?``:`at ${r.toISOString().slice(0,16)}Z`}`.trimEnd());for(let{path:e,until:r,subject:a}of t.certificates)if(r===void 0)i(30,`${e} is no certificate that can be read`);else{let e=(r.getTime()-n.getTime())/864e5;e<0?i(85,`the certificate of ${a} has expired`):e<20&&i(e<5?70:40,`the certificate of ${a} expires in ${Math.floor(e)} days`)}let o=t.errors.bySpeaker.reduce((e,[,t])=>e+t,0);o>0&&i(o>100?30:15,`${o} errors in the journal of the last hour`);for(let{name:e,exit:n}of t.said)n!==0&&i(25,`${e} ${n===void 0?`did not answer`:`ended with ${n}`}`);return x(r)}const x=e=>e.toSorted((e,t)=>t.weight-e.weight);async function S(e,t){let{statuses:n,addresses:r,policy:i,now:a,matches:o}=t;return{at:a,hosts:(await Promise.all(n.map(async t=>{let n=r.get(t.host),s=t.reachable&&n!==void 0?await w(e,n,T(i,t.host,o)):void 0;return{host:t.host,status:t,context:s,troubles:b(t,s,a)}}))).toSorted((e,t)=>C(t)-C(e)||(e.host<t.host?-1:1))}}const C=({troubles:[e]})=>e?.weight??0;async function w(e,t,n){let r=await e.run({address:t,program:`
limit() {
  limit_seconds=$1
  shift
  if command -v timeout >/dev/null; then timeout "$limit_seconds" "$@"; else "$@"; fi
}
ending() {
  ending_bytes=$1
  shift
  limit 20 "$@" 2>/dev/null | tail -c "$ending_bytes"
}
there() { command -v "$1" >/dev/null; }

put now "$(date +%s)"
put_file meminfo /proc/meminfo 8192
put_file loadavg /proc/loadavg 256
put_file pressure-memory /proc/pressure/memory 512
put_file pressure-io /proc/pressure/io 512
put_output space 8192 limit 10 df -PT -B1 -x tmpfs -x devtmpfs -x overlay -x squashfs -x efivarfs
put_output inodes 8192 limit 10 df -PTi -x tmpfs -x devtmpfs -x overlay -x squashfs -x efivarfs
# What was said at priority "err" and worse in the last hour: who said most, and the last of it.
errors() { limit 20 journalctl -q --no-pager -p 3 --since=-1h -n 2000 "$@" 2>/dev/null; }
speakers() { errors -o json --output-fields=_SYSTEMD_UNIT,SYSLOG_IDENTIFIER | sed -n 's/.*"_SYSTEMD_UNIT":"\\([^"]*\\)".*/\\1/p; t; s/.*"SYSLOG_IDENTIFIER":"\\([^"]*\\)".*/\\1/p' | sort | uniq -c | sort -rn | head -n 20; }
put_output speakers 4096 speakers
last_errors() { errors -o short-iso -n 200 | tail -c 16384; }
put_output errors 16384 last_errors
timers() {
  TZ=UTC limit 10 systemctl show --no-pager -p Id,Unit,ActiveState,LastTriggerUSec,NextElapseUSecRealtime,NextElapseUSecMonotonic -- '*.timer' 2>/dev/null
}
put_output timers 65536 timers
results() {
  systemctl list-units --all --plain --no-legend --no-pager --type=timer 2>/dev/null | cut -d ' ' -f 1 | head -n 200 | sed 's/\\.timer$/.service/' |
    limit 10 xargs systemctl show --no-pager -p Id,Result,ActiveState,ExecMainExitTimestamp -- 2>/dev/null
}
put_output results 65536 results

count=0
for certificate in /var/lib/acme/*/cert.pem /etc/letsencrypt/live/*/cert.pem; do
  [ -f "$certificate" ] && [ "$count" -lt 30 ] || continue
  put "certificate.$count.path" "$certificate"
  put_file "certificate.$count" "$certificate" 32768
  count=$((count + 1))
done

if there consul; then put_output consul 8192 limit 10 consul members; fi
if there nomad; then
  put_output nomad-jobs 8192 limit 10 nomad job status
  put_output nomad-nodes 8192 limit 10 nomad node status
fi
if there k3s; then put_output k3s 8192 limit 10 k3s kubectl get nodes -o wide
elif there kubectl && [ -r /etc/kubernetes/cluster-admin.kubeconfig ]; then put_output k3s 8192 limit 10 kubectl --kubeconfig /etc/kubernetes/cluster-admin.kubeconfig get nodes -o wide; fi
if there zpool; then
  put_output zfs-health 8192 limit 10 zpool status -x
  put_output zfs-pools 4096 limit 10 zpool list -H -o name,size,alloc,free,frag,cap,health
fi

number=0
while [ "$#" -ge 2 ]; do
  name=$1 words=$2
  shift 2
  put "asked.$number.name" "$name"
  # Each run takes its words from the front and puts what follows back in order.
  asked() (
    taken=0 total=$#
    command_words=$words
    while [ "$taken" -lt "$total" ]; do
      word=$1
      shift
      [ "$taken" -ge "$command_words" ] || set -- "$@" "$word"
      taken=$((taken + 1))
    done
    limit 30 "$@" 2>&1
  )
  put_output "asked.$number" 16384 asked "$@"
  while [ "$words" -gt 0 ]; do
    shift
    words=$((words - 1))
  done
  number=$((number + 1))
done
exit 0
`,arguments:n,connection:`shared`,timeoutSeconds:240,maxBytes:1048576});return r.records.length===0?void 0:u(r.records)}function T(e,t,n){return Object.entries(e.commands).flatMap(([e,{command:r,hosts:i}])=>i.some(e=>n(t,e))?[e,String(r.length),...r]:[])}async function E(n,r,o,l){let u={...i(o),...c(r,`context`),dryRun:!0};return await a({prepared:n,hosts:s(r,`hosts`),log:l,setup:u},async n=>{let i=await D(n);return l.close(),o.out(r.json===!0?t(i):e(i,{bytes:4<<20,unicode:o.terminal.unicode})),0})}async function D(e,t=()=>!0){let{fleet:n,policy:i,targets:a,prepared:s}=e;return await S(a,{statuses:(await o(e)).filter(({host:e})=>t(e)),addresses:n.addresses,policy:i.context,now:s.ports.clock.now(),matches:r})}export{E as n,D as t};