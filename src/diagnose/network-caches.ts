import type { Nix, Probe } from "../io/ports.ts";

/** Binary caches that this machine's own Nix asks over the network: an address that stands in a message was written by somebody else and is asked nothing. */
export async function networkCaches(nix: Nix): Promise<readonly string[]> {
  const { implementation, major, minor } = await nix.version();
  const shown = implementation === "nix" && (major > 2 || minor >= 20) ? ["config", "show"] : ["show-config"];
  const told = await nix.run({ arguments: shown, trust: "deploy-branch", timeoutSeconds: 20, maxBytes: 256 * 1024 });
  const all = (/^substituters = (.*)$/m.exec(told.stdout)?.[1] ?? "").split(/\s+/);
  return all.filter((url) => /^https?:\/\//.test(url)).slice(0, 8);
}

/** Whether all of them answer now. Where none is asked over the network, none can come back. */
export async function cachesAnswer(caches: readonly string[], probe: Pick<Probe, "http">, signal: AbortSignal): Promise<boolean> {
  const answers = await Promise.all(
    caches.map(
      async (url) =>
        await probe.http({
          url: `${url.replace(/[?#].*$/, "").replace(/\/+$/, "")}/nix-cache-info`,
          timeoutSeconds: 10,
          maxBytes: 0,
          signal,
        }),
    ),
  );
  return answers.length > 0 && answers.every((answer) => answer.kind === "answered" && answer.status < 500);
}
