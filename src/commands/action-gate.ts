import { gateError } from "../failure.ts";
import type { RunGate } from "./action.ts";

/** The pipeline, as the Action runs it. */
export const runGate: RunGate = (request) => Promise.reject(gateError("internal", {}, `no pipeline is connected for "${request.command}"`));
