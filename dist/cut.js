function e(e,t){if(e.length<=t)return e;let n=e.slice(0,e.lastIndexOf(`
`,t)>0?e.lastIndexOf(`
`,t):t),r=e.slice(n.length).split(`
`).length-1;return`${n===``?``:`${n}\n`}… ${r>0?`${r} more lines`:`${e.length-n.length} more characters`}`}function t(e,t){if(e.length<=t)return e;let n=e.indexOf(`
`,e.length-t)+1;return`… ${e.length} characters in all, the last of them:\n${e.slice(n>0?n:e.length-t)}`}function n(e,t){if(e.length<=t)return e;let n=Math.ceil((t-1)/2);return`${e.slice(0,n)}…${e.slice(e.length-(t-1-n))}`}export{n,t as r,e as t};