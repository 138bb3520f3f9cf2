import type { Command } from "./shell.ts";

/** `gate listen`: alerts in, runs of a workflow out. */
export const listenCommand: Command = {
  name: "listen",
  summary: "receive alerts by webhook and start the workflow that looks into them",
  usage: "listen --repository OWNER/NAME --api-url URL --token-file FILE --secret-file FILE [options]",
  words: [0, 0],
  options: {
    repository: { type: "string", value: "OWNER/NAME", help: "where the workflow is" },
    "api-url": { type: "string", value: "URL", help: "of the forge: https://api.github.com, https://codeberg.org/api/v1" },
    "token-file": { type: "string", value: "FILE", help: "a token that may start workflows (actions: write) and nothing more" },
    "secret-file": {
      type: "string",
      value: "FILE",
      help: "what a sender has to know, 16 characters at least; default: $CREDENTIALS_DIRECTORY/secret",
    },
    address: {
      type: "string",
      value: "HOST:PORT",
      help: "where to listen (default 127.0.0.1:9105); there is no TLS, put a proxy or a VPN before it",
    },
    state: { type: "string", value: "DIR", help: "where alerts are kept until a run has them (default: $STATE_DIRECTORY)" },
    workflow: { type: "string", value: "FILE", help: "name of the workflow's file (default goal.yml)" },
    ref: { type: "string", value: "BRANCH", help: "where the workflow is started (default main)" },
    goal: { type: "string", value: "NAME", help: "what the run is asked to do (default incident)" },
    "rest-seconds": { type: "string", value: "N", help: "between two runs at least (default 300)" },
    "settle-seconds": { type: "string", value: "N", help: "to wait for more of the same trouble (default 20)" },
    "per-hour": { type: "string", value: "N", help: "runs at most (default 6)" },
  },
  examples: [
    "nixos-deploy-gate listen --repository me/fleet --api-url https://codeberg.org/api/v1 --token-file /run/keys/forge --secret-file /run/keys/alert --state /var/lib/deploy-gate",
    "curl -H 'Authorization: Bearer …' --data-urlencode unit=nginx.service --data-urlencode host=web1 http://127.0.0.1:9105/alert",
  ],
  run: async (_words, options, shell) => {
    const { runListen } = await import("./listen-run.ts");
    return await runListen(options, shell);
  },
};
