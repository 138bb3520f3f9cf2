import{r as e,t}from"./failure.js";import{t as n}from"./package.js";import{parseArgs as r,stripVTControlCharacters as i,styleText as a}from"node:util";const o={plan:async()=>(await import(`./plan.js`)).planCommand,diff:async()=>(await import(`./diff2.js`)).diffCommand,rules:async()=>(await import(`./rules2.js`)).rulesCommand},s={help:{type:`boolean`,short:`h`,help:`show this`}};async function c(n,r,i){try{return await l(n,r,i)}catch(n){if(n instanceof t)return r.error(m(n.failure,r)),n.exit;let i=n instanceof Error?n.stack??n.message:String(n);return r.error(m(e(`internal`,{},i).failure,r)),4}}async function l(t,n,r){let[i,...a]=t;if(i===void 0||i===`help`||i===`--help`||i===`-h`){let e=i===`help`&&a[0]!==void 0?await u(a[0]):void 0;return n.out(e===void 0?await f(r):p(e)),i===void 0?2:0}if(i===`--version`||i===`version`)return n.out(`nixos-deploy-gate ${r}\n`),0;let o=await u(i),{positionals:s,options:c}=d(o,a);if(c.help===!0)return n.out(p(o)),0;let[l,m]=o.words;if(s.length<l||s.length>m)throw e(`usage`,{problem:`"${o.name}" takes ${l===m?l:`${l} to ${m}`} words; this has ${s.length}.`,command:o.name});return await o.run(s,c,n)}async function u(t){let n=Object.hasOwn(o,t)?o[t]:void 0;if(n!==void 0)return await n();throw e(`usage`,{problem:`There is no command "${i(t)}"; there are ${Object.keys(o).join(`, `)}.`})}function d(t,n){try{let e={...t.options,...s},i=Object.fromEntries(Object.entries(e).map(([e,t])=>[e,t.short===void 0?{type:t.type}:{type:t.type,short:t.short}])),{positionals:a,values:o}=r({args:[...n],options:i,allowPositionals:!0,strict:!0});return{positionals:a,options:o}}catch(n){let r=n instanceof Error?n.message.split(`. To specify`)[0]??n.message:String(n);throw e(`usage`,{problem:`${r.replace(/\.?$/,`.`)}`,command:t.name},void 0,n)}}async function f(e){let t=await Promise.all(Object.values(o).map(e=>e())),n=Math.max(...t.map(e=>e.name.length));return`nixos-deploy-gate ${e}: what a change does to every NixOS host of a flake, before it does it

Usage: nixos-deploy-gate COMMAND [options]

${t.map(e=>`  ${e.name.padEnd(n)}  ${e.summary}`).join(`
`)}

nixos-deploy-gate COMMAND --help tells more. Exit codes: 0 done, 1 a host failed, 2 usage or configuration,
3 held for a person, 4 the gate itself could not run.
`}function p(e){let t={...e.options,...s},n=Object.entries(t).map(([e,t])=>{let n=`--${e}${t.value===void 0?``:` ${t.value}`}`;return[t.short===void 0?`    ${n}`:`-${t.short}, ${n}`,t.help]}),r=Math.max(...n.map(([e])=>e.length));return`${e.summary}

Usage: nixos-deploy-gate ${e.usage}

${n.map(([e,t])=>`  ${e.padEnd(r)}  ${t}`).join(`
`)}

Examples:
${e.examples.map(e=>`  ${e}`).join(`
`)}
`}function m(e,t){let n=(e,n)=>t.terminal.color?a(e,n,{validateStream:!1}):n,r=e=>i(e).replace(/[^\P{C}\n\t]/gu,`�`),o=e.detail===void 0?``:`\n${r(e.detail).trimEnd().replace(/^/gm,`    `)}\n`;return`${n(`red`,`error:`)} ${n(`bold`,r(e.message))} ${n(`dim`,`[${e.code}]`)}${o}\n${n(`dim`,`next:`)}  ${r(e.next)}\n`}const h={SIGHUP:129,SIGINT:130,SIGTERM:143};async function g(e){let t=new AbortController,r=e=>{t.signal.aborted&&process.exit(h[e]),t.abort(e)};process.on(`SIGINT`,r).on(`SIGTERM`,r).on(`SIGHUP`,r);for(let e of[process.stdout,process.stderr])e.on(`error`,e=>{if(e.code!==`EPIPE`&&e.code!==`EIO`)throw e});let{env:i,stdout:a,stderr:o}=process,s=i.NO_COLOR!==void 0&&i.NO_COLOR!==``,l=o.isTTY===!0&&i.CI!==`true`&&i.TERM!==`dumb`;return await c(process.argv.slice(2),{directory:process.cwd(),programRoot:e,environment:i,out:e=>void a.write(e),error:e=>void o.write(e),terminal:{live:l,color:!s&&(i.FORCE_COLOR!==void 0||a.isTTY===!0&&i.TERM!==`dumb`),unicode:/utf-?8/i.test(i.LC_ALL||i.LC_CTYPE||i.LANG||``),width:a.columns||100},signal:t.signal},n)}export{g as shellMain};