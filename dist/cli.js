#!/usr/bin/env node
import"./node-version.js";await import(`./zod-settings.js`);const{shellMain:e}=await import(`./shell-main.js`);process.exitCode=await e(`${import.meta.dirname}/..`);export{};