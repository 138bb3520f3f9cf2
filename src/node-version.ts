/**
 * Refuses a Node that is too old, before anything is loaded that it cannot load.
 *
 * A runner may start this with whatever `node` is on its PATH: Forgejo's never looks at the version that action.yml names. On Node 20 a dependency then fails
 * while it is being imported, with a message that names neither Node nor the gate. Hence this file imports nothing and uses no syntax newer than Node 14's.
 */
const oldest = 22;
const running = process.versions.node;

if (Number(running.split(".")[0]) < oldest) {
  const sentence =
    "nixos-deploy-gate needs Node " +
    oldest +
    " or newer, and this is Node " +
    running +
    ": put a newer node first on the PATH of the runner or of the job's container.";
  if (process.env["GITHUB_ACTIONS"] === "true" || process.env["FORGEJO_ACTIONS"] === "true")
    process.stdout.write("::error title=Node is too old::" + sentence + "\n");
  else process.stderr.write(sentence + "\n");
  process.exit(4);
}

export {};
