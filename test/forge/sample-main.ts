import "../../src/node-version.ts";
import { actionMain } from "../../src/commands/action-main.ts";
import { gateError } from "../../src/failure.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { sampleRun, unchanged } from "../report/sample.ts";

/** The Action with a plan that is already made in place of the pipeline: everything around it is real. SAMPLE says which. */
process.exitCode = await actionMain((request) => {
  const kind = process.env["SAMPLE"] ?? "all";
  if (kind === "broken") return Promise.reject(gateError("no-hosts", { flake: request.inputs.flake }));
  if (kind === "bug") return Promise.reject(new TypeError(`undefined is not a function ${request.inputs.token ?? ""}`));
  const event = { "pull-request": "pull_request", push: "push", dispatch: "workflow_dispatch", schedule: "schedule" } as const;
  const all = { ...sampleRun, event: event[request.event.kind], detail: request.detail };
  const hosts =
    kind === "unchanged" ? [unchanged("web1"), unchanged("web2")] : all.hosts.filter((host) => kind !== "held" || host.state !== "failed");
  return Promise.resolve(toPlan({ ...all, hosts, notes: [`A note that leaks ${request.inputs.token ?? "nothing"}.`] }));
});
