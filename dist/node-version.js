const e=process.versions.node;if(Number(e.split(`.`)[0])<22){let t=`nixos-deploy-gate needs Node 22 or newer, and this is Node `+e+`: put a newer node first on the PATH of the runner or of the job's container.`;process.env.GITHUB_ACTIONS===`true`||process.env.FORGEJO_ACTIONS===`true`?process.stdout.write(`::error title=Node is too old::`+t+`
`):process.stderr.write(t+`
`),process.exit(4)}export{};