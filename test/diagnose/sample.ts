import type { Evidence, EvidenceItem } from "../../src/diagnose/evidence.ts";

export const item = (over: Partial<EvidenceItem> = {}): EvidenceItem => ({
  kind: "message",
  subject: "",
  origin: "tool",
  text: "",
  leftOut: 0,
  ...over,
});

export const evidence = (over: Partial<Evidence> = {}): Evidence => ({
  stage: "activation",
  host: "web1",
  failure: undefined,
  exit: undefined,
  since: undefined,
  derivation: undefined,
  units: [],
  atBase: "unknown",
  items: [],
  omitted: [],
  redacted: 0,
  ...over,
});
