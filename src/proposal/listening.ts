import { etcText, storeText } from "../diff/etc.ts";
import { parseSshd, sshdConfiguration } from "../diff/sshd.ts";
import type { System, Unit } from "../diff/system.ts";
import { unitFlag, unitValues, unitWords } from "../diff/unit-parse.ts";
import { runningUnits } from "../diff/unit-running.ts";
import type { StoreFiles } from "../io/ports.ts";

/** That a unit listens somewhere once the system runs. Only what its files say outright; what a program decides by itself is not known. */
export type Listening = {
  readonly unit: string;
  readonly protocol: "tcp" | "udp" | "path";
  /** `any4`, `any6` or `any` (both), an IP address as it is written, or a path. */
  readonly address: string;
  /** Of a path 0. */
  readonly port: number;
  /** What says so, as a clause. */
  readonly known: string;
};

type Place = Pick<Listening, "protocol" | "address" | "port">;

/**
 * What the units listen on that run as soon as the system does: sockets of systemd, sshd, nginx, and ports that containers publish. Units that something may or may not
 * start are left out, and so is every address that a name or a variable stands for.
 */
export function listeningOf(store: StoreFiles, system: System): readonly Listening[] {
  const running = runningUnits(system.units);
  return [...system.units].flatMap(([name, unit]) => {
    const runs = running.get(name);
    if (runs === undefined || runs.note !== undefined || runs.ended === true || unit.aliasOf !== undefined || name.includes("@."))
      return [];
    const found = (known: string, places: readonly Place[]): Listening[] => places.map((place) => ({ unit: name, ...place, known }));
    if (name.endsWith(".socket")) return found("its Listen… lines say so", socketPlaces(unit));
    if (!name.endsWith(".service")) return [];
    if (name === "sshd.service") return found("its sshd_config says so", sshdPlaces(sshdConfiguration(store, system)));
    const program = programOf(store, unit);
    return [
      ...found("its nginx.conf says so", nginxPlaces(nginxConfiguration(store, system, program))),
      ...found("it publishes that port of its container", publishedPlaces(program)),
    ];
  });
}

/** An address and port as most programs write them; `any` is what a missing or an empty address means to that program. Undefined where it is none. */
function placeOf(text: string, protocol: "tcp" | "udp", any: string, any6: string): Place | undefined {
  const [, bracketed, plain, port = ""] = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+|\*)):)?([0-9]{1,5})$/.exec(text) ?? [];
  if (Number(port) < 1 || Number(port) > 65_535) return undefined;
  const address =
    bracketed === undefined ? (plain === undefined || plain === "*" ? any : plain === "0.0.0.0" ? "any4" : plain) : bracketed.toLowerCase();
  return { protocol, address: /^(?:::|::0|0:0:0:0:0:0:0:0)$/.test(address) ? any6 : address, port: Number(port) };
}

/** systemd.socket(5). A wildcard of IPv6 takes IPv4 too unless the unit says otherwise; sockets of one interface or shared on purpose are left out. */
function socketPlaces(unit: Unit): Place[] {
  if (unitFlag(unit, "Socket", "ReusePort", false) || unitWords(unit, "Socket", "BindToDevice").length > 0) return [];
  const any6 = unitValues(unit, "Socket", "BindIPv6Only").at(-1) === "ipv6-only" ? "any6" : "any";
  const listens = (key: string): readonly string[] => unitValues(unit, "Socket", key);
  const places = (values: readonly string[], protocol: "tcp" | "udp"): Place[] =>
    values.flatMap((value) => {
      if (/^[/@]/.test(value)) return [{ protocol: "path", address: value, port: 0 } as const];
      return placeOf(value, protocol, any6, any6) ?? [];
    });
  return [
    ...places(listens("ListenStream"), "tcp"),
    ...places(listens("ListenDatagram"), "udp"),
    ...places(
      ["ListenSequentialPacket", "ListenFIFO"].flatMap((key) => listens(key)).filter((value) => /^[/@]/.test(value)),
      "tcp",
    ),
  ];
}

/** sshd_config(5): ListenAddress with a port, or with every Port; without one on all addresses, 22 where no Port is named. */
function sshdPlaces(text: string | undefined): Place[] {
  if (text === undefined) return [];
  const top = parseSshd(text).get("")?.directives;
  // What another file adds is not read here.
  if (top === undefined || top.has("include")) return [];
  const ports = top.get("port")?.values ?? ["22"];
  const addresses = top.get("listenaddress")?.values ?? ["*"];
  return addresses.flatMap((address) => {
    const [own] = [placeOf(address, "tcp", "any", "any6")].filter((place) => place !== undefined && /:/.test(address));
    if (own !== undefined && !/^[0-9A-Fa-f:]+$/.test(address)) return [own];
    const bare = address.includes(":") && !address.startsWith("[") ? `[${address}]` : address;
    return ports.flatMap((port) => placeOf(`${bare}:${port}`, "tcp", "any", "any6") ?? []);
  });
}

/** What a unit starts: its command line, and the text of the script that this names, as NixOS writes one for `script`. */
function programOf(store: StoreFiles, unit: Unit): string {
  return unitValues(unit, "Service", "ExecStart")
    .map((line) => {
      const path = /^[-@:+!|]*"?([^\s"]+)/.exec(line)?.[1] ?? "";
      const script = path.startsWith(`${store.prefix}/`) ? storeText(store, path) : undefined;
      return script?.startsWith("#!") === true ? script : line;
    })
    .join("\n");
}

function nginxConfiguration(store: StoreFiles, system: System, program: string): string | undefined {
  const path = /(?:^|\s)\S*\/bin\/nginx\s(?:.*\s)?-c\s+["']?([^\s"']+)/.exec(program)?.[1];
  if (path === undefined) return undefined;
  return path.startsWith("/etc/") ? etcText(store, system.etc, path.slice("/etc/".length)) : storeText(store, path);
}

/** ngx_http_core_module and ngx_stream_core_module: without a port it is 80, a wildcard of IPv6 is IPv6 alone, `quic` and `udp` are UDP. */
function nginxPlaces(text: string | undefined): Place[] {
  const places = [...(text ?? "").replace(/^\s*#.*$/gm, "").matchAll(/(?:^|[{};\s])listen\s+([^\s;]+)([^;{}]*);/g)].flatMap(
    ([, address = "", options = ""]) => {
      const protocol = /\s(?:quic|udp)(?:\s|$)/.test(options) ? "udp" : "tcp";
      const whole = /^\[[^\]]*\]$|^\*$|^\d+\.\d+\.\d+\.\d+$/.test(address) ? `${address}:80` : address;
      return placeOf(whole, protocol, "any4", /ipv6only=off/.test(options) ? "any" : "any6") ?? [];
    },
  );
  // One server after the other may name the same address: to nginx that is one.
  return [...new Map(places.map((place) => [JSON.stringify(place), place])).values()];
}

/** podman-run(1), docker-run(1): `-p [ADDRESS:]HOST:CONTAINER[/udp]`. Ranges, random ports and what runs in the host's own network are left out. */
function publishedPlaces(program: string): Place[] {
  const line = program.replace(/\\\n/g, " ");
  if (!/\b(?:podman|docker)['"]?\s+run\s/.test(line) || /\s--net(?:work)?[=\s]['"]?(?:host|container)\b/.test(line)) return [];
  return [...line.matchAll(/\s(?:-p|--publish)[=\s]\s*(['"]?)([0-9A-Fa-f:.[\]]+):[0-9]+(?:\/(tcp|udp))?\1(?=\s|$)/g)].flatMap(
    ([, , host = "", protocol]) => placeOf(host, protocol === "udp" ? "udp" : "tcp", "any", "any6") ?? [],
  );
}
