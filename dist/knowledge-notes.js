import{t as e}from"./secrets.js";function t(t){let n=12e3;return t.map((r,i)=>{let{text:a}=e(r.text.trim(),{path:r.path}),o=Math.floor(n/(t.length-i)),s=a.length<=o?a:`${a.slice(0,o)}\n(${a.length-o} more characters left out)`;return n-=Math.min(a.length,o),`## ${r.path}\n${s}`}).join(`

`)}export{t};