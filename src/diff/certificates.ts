import { createHash, X509Certificate } from "node:crypto";
import type { StoreFiles } from "../io/ports.ts";
import { etcText } from "./etc.ts";
import type { System } from "./system.ts";
import type { LineChange } from "./system-diff.ts";

/** The bundle that programs on NixOS trust; ca-bundle.crt is the same file under another name. */
const bundles = ["ssl/certs/ca-certificates.crt", "ssl/certs/ca-bundle.crt", "pki/tls/certs/ca-bundle.crt"];
const maxCertificates = 1000;
const maxShown = 100;

/**
 * Certificates that the system trusts and did not, and the other way round, by subject and fingerprint. One of the bundles is enough where
 * they are the same.
 */
export function diffCertificates(store: StoreFiles, before: System, after: System): LineChange[] {
  const changes: LineChange[] = [];
  const compared = new Set<string>();
  for (const name of bundles) {
    const from = before.etc.get(name)?.target;
    const to = after.etc.get(name)?.target;
    const key = `${from ?? ""}\0${to ?? ""}`;
    if (from === to || compared.has(key)) continue;
    compared.add(key);
    changes.push(...bundleChanges(`/etc/${name}`, etcText(store, before.etc, name) ?? "", etcText(store, after.etc, name) ?? ""));
  }
  return changes;
}

function bundleChanges(file: string, from: string, to: string): LineChange[] {
  const old = certificates(from);
  const now = certificates(to);
  // Reading a certificate is slow, so only those that differ are.
  const removed = [...old].filter(([body]) => !now.has(body)).slice(0, maxShown);
  const added = [...now].filter(([body]) => !old.has(body)).slice(0, maxShown);
  return [
    ...removed.map(([, pem]) => ({ file, change: "removed", line: described(pem) }) as const),
    ...added.map(([, pem]) => ({ file, change: "added", line: described(pem) }) as const),
  ];
}

/** PEM blocks by their body without blanks. */
function certificates(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const begin = "-----BEGIN CERTIFICATE-----";
  const end = "-----END CERTIFICATE-----";
  for (let at = text.indexOf(begin); at !== -1 && found.size < maxCertificates; at = text.indexOf(begin, at + 1)) {
    const stop = text.indexOf(end, at);
    if (stop === -1) break;
    const body = text.slice(at + begin.length, stop);
    found.set(body.replace(/\s+/g, ""), `${begin}${body}${end}\n`);
  }
  return found;
}

function described(pem: string): string {
  try {
    const certificate = new X509Certificate(pem);
    const fingerprint = certificate.fingerprint256.replaceAll(":", "").slice(0, 16).toLowerCase();
    return `${certificate.subject.replaceAll("\n", ", ").slice(0, 400)} (SHA-256 ${fingerprint}…, until ${certificate.validTo})`;
  } catch {
    // Not a certificate that OpenSSL can read; that it is there is told all the same.
    return `unreadable certificate (SHA-256 of the text ${createHash("sha256").update(pem).digest("hex").slice(0, 16)}…)`;
  }
}
