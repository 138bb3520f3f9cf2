/** A report with what differs from run to run taken out: hashes, revisions, times, versions of the program and of Nix, and places in a scratch directory. */
export function normalised(report: string, places: Readonly<Record<string, string>> = {}): string {
  let text = report;
  for (const [place, name] of Object.entries(places)) text = text.replaceAll(place, name);
  return text
    .replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, "/nix/store/<hash>-")
    .replaceAll(/\b[0-9a-f]{40}\b|\b[0-9a-f]{12}\b|\b[0-9a-f]{9}\b(?=[,)])/g, "<rev>")
    .replaceAll(/nixos-deploy-gate \d+\.\d+\.\d+ · Nix \S+ · (?:\d+ min )?\d+ s/g, "nixos-deploy-gate <version> · Nix <version> · <time>");
}
