import{i as e,n as t,t as n}from"./failure.js";import{i as r}from"./nix-message.js";import{t as i}from"./nix-string.js";import{pathToFileURL as a}from"node:url";import{createHash as o}from"node:crypto";async function s(e,t,n){let r=t=>e.run({arguments:[`eval`,`--raw`,`--option`,`substitute`,`false`,`--expr`,t],trust:`unreviewed`,timeoutSeconds:n,maxBytes:65536}),i=[{expression:c(t,`/proc/${t.process.pid}/environ`,t.process.text,`with-builder`),what:`the environment of the gate's process`,builds:!0},{expression:c(t,t.file.path,t.file.text,`evaluator-only`),what:`files of the gate`,builds:!1}],a=await Promise.all(i.map(async({expression:e,what:n,builds:i})=>p(await r(e),t,n,i))),o=[];for(let[e,{expression:n,what:s,builds:c}]of i.entries()){let i=a[e]??[];o.push(...i.some(e=>e.startsWith(f))?p(await r(n),t,s,c):i)}let[s,...l]=[...new Set(o)];return s===void 0?{kind:`isolated`}:{kind:`exposed`,ways:[s,...l]}}function c(e,t,n,r){let s=(e,t)=>`builtins.fetchurl { url = ${i(a(e).href)}; sha256 = "${o(`sha256`).update(t).digest(`hex`)}"; name = "canary"; }`,c=r===`with-builder`?`builtins.trace ("canary-builder=" + builtins.readFile builder) secret`:`secret`;return`
let
  secret = builtins.seq (${s(t,n)}) "read";
  builder = derivation {
    name = "canary-${o(`sha256`).update(e.control.text).digest(`hex`).slice(0,16)}";
    system = ${i(e.system)};
    builder = "/bin/sh";
    preferLocalBuild = true;
    allowSubstitutes = false;
    args = [ "-c" ${i(l(e))} ];
  };
in builtins.trace ("canary-control=" + builtins.readFile (${s(e.control.path,e.control.text)})) (${c})`}function l(e){return`
found=ran
for each in /proc/[0-9]*/environ ${d(e.file.path)}; do
  line=
  { IFS= read -r line <"$each"; } 2>/dev/null
  case $line in
  *${u(e.process.secret)}*) found=$found,process ;;
  *${u(e.file.text)}*) found=$found,file ;;
  esac
done
printf %s. "$found" >"$out"`}function u(e){return`${e.slice(0,16)}''${e.slice(16)}`}function d(e){return`'${e.replaceAll(`'`,`'\\''`)}'`}const f=`it could not be shown`;function p(e,t,n,i){let a=`${e.stdout}\n${e.stderr}`,o=[];(a.includes(t.process.secret)||a.includes(t.file.text)||e.exitCode===0)&&o.push(`evaluation reads ${n}`);let s=/canary-builder=ran([a-z,]*)\./.exec(a)?.[1];if(s?.includes(`process`)===!0&&o.push(`a builder reads the environment of the gate's process`),s?.includes(`file`)===!0&&o.push(`a builder reads files of the gate`),o.length>0)return o;let c=a.includes(`canary-control=${t.control.text}`),l=/(?:Couldn't|Could not) (?:read|open) a file:\/\/ file|No such file or directory|Permission denied/i.test(a);if(c&&l&&(!i||s!==void 0))return[];let u=e.timedOut?`it did not end in time`:r(e.stderr).split(`
`)[0]?.trim()||`it said nothing`;return[`${f} that evaluation cannot read ${n} (${u.slice(0,200)})`]}function m(e){let{trust:n,isolation:r,holdsSecrets:i,holdsWriteToken:a,policyIsolation:o}=e;return n===`deploy-branch`?{ok:!0,because:`it is on the deploy branch`}:r.kind===`isolated`?{ok:!0,because:`it cannot read the gate's process or files`}:!i&&!a?{ok:!0,because:`this run holds neither secrets nor a token that may write`}:o===`required`?{ok:!1,failure:t(`evaluation-exposed`,{how:r.ways.join(`; `)})}:{ok:!0,because:`the policy says: ${o}`}}function h(t){if(t.lockFindings.length!==0)throw e(`lock-refused`,{inputs:t.lockFindings.map(({input:e,reference:t,why:n})=>`${e.join(`.`)} (${t}: ${n})`)})}async function g({head:e,base:t},n){if(e.trust===`deploy-branch`&&(t===void 0||t.trust===`deploy-branch`))return;let r=n.plantBait();try{return await s(n.nix,r,60)}finally{r.remove()}}function _(e,t,r,i){if(e===void 0)return;let a=m({trust:`unreviewed`,isolation:e,holdsSecrets:t.secrets,holdsWriteToken:t.writeToken,policyIsolation:r.evaluation.isolation});if(!a.ok)throw new n(i===void 0?a.failure:{...a.failure,detail:`There is no isolation on this machine: ${i}`},4);return e.kind===`isolated`?void 0:`Unreviewed code was evaluated without isolation, because ${a.because}: ${e.ways.join(`; `)}.`}export{g as n,h as r,_ as t};