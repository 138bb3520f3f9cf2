import type { RemoteRecord } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import type { Observation } from "../target/observation.ts";
import { rightHost } from "../target/right-host.ts";
import { loginCommand } from "../target/target-failure.ts";
import { isUnitName } from "../target/unit-name.ts";
import { type Check, failedCheck, rowsOf } from "./check.ts";
import { size } from "./machine-checks.ts";

export type HostAnswer = {
  readonly address: Address;
  readonly observation: Observation;
  /** What `hostProgram` put; undefined where it did not run to its end. */
  readonly records: readonly RemoteRecord[] | undefined;
  /** When it was asked and when it had answered, by this machine's clock. */
  readonly asked: Date;
  readonly answered: Date;
};

const gibibyte = 1024 ** 3;
/** Kernel and initrd of one generation take 50 to 150 MiB. */
const roomForOneBoot = 160 * 1024 ** 2;

/** What a host that answered lacks for a supervised deploy. Pure. */
export function hostChecks(answer: HostAnswer): Check[] {
  const { address, observation } = answer;
  const row = rowsOf("hosts", address.host);
  const wrong = rightHost(address, observation);
  const login = loginCommand(address);
  const at = `${address.user}@${address.hostname}${address.port === 22 ? "" : `:${address.port}`}`;
  const key = address.hostKeys.length > 0 ? "its host key is the one that the policy pins" : "its host key is known";
  const checks = [row("ok", "login", `${at} lets the gate in${address.sudo ? ", sudo asks no password" : ""}, and ${key}.`)];
  if (wrong !== undefined) return [...checks, failedCheck("hosts", wrong.code, wrong, address.host)];
  const { machineId } = observation.identity;
  checks.push(
    address.identity.machineId === undefined && machineId !== undefined
      ? row(
          "ok",
          "identity",
          `It calls itself ${observation.identity.name}. To hold it to this very machine: target.machineId = "${machineId}";`,
        )
      : row("ok", "identity", `It calls itself ${observation.identity.name} and is the machine that the policy names.`),
  );
  return [
    ...checks,
    ...program(answer, login),
    health(answer, login),
    storeRoom(answer, login),
    bootRoom(answer, login),
    clock(answer, login),
  ];
}

function program({ address, records }: HostAnswer, login: string): Check[] {
  const row = rowsOf("hosts", address.host);
  const said = (name: string): string | undefined => records?.find((record) => record.name === name)?.value.trim();
  if (records === undefined) return [row("unknown", "tools", "What is installed on it could not be asked.", `${login} nix --version`)];
  const lacks = said("lacks");
  const nix = said("nix");
  const loader = said("loader");
  return [
    said("systemd") !== "yes"
      ? row("fail", "systemd", "systemd does not run on it, under which a switch is supervised.", `${login} systemctl is-system-running`)
      : lacks === undefined || lacks === ""
        ? row("ok", "systemd", "systemd and the tools of a supervised switch are there.")
        : row(
            "fail",
            "systemd",
            `It lacks ${lacks}, which a supervised switch needs.`,
            `${login} 'echo $PATH; ls /run/current-system/sw/bin'`,
          ),
    nix === undefined
      ? row("fail", "nix", "There is no Nix on it that answers, so that no system can be copied to it.", `${login} nix --version`)
      : row("ok", "nix", `${nix}.`),
    ...(nix === undefined ? [] : [signatures(address, said("trusted-users"), said("groups"), said("require-sigs"))]),
    loader === undefined || loader === ""
      ? row(
          "warn",
          "boot-loader",
          "No boot loader of a known kind was found, so that what it would boot cannot be told; a change that needs a reboot is held.",
          `${login} 'ls /boot /efi'   # a machine that something else boots: reboot.bootEntry = "trust"`,
        )
      : row("ok", "boot-loader", `It boots by ${loader}.`),
  ];
}

/** ssh-ng speaks to the daemon as the login user, whoever sudo could make of it: the daemon takes unsigned paths from root and from trusted users only. */
function signatures(address: Address, trusted: string | undefined, groups: string | undefined, required: string | undefined): Check {
  const row = rowsOf("hosts", address.host);
  const { user } = address;
  if (user === "root") return row("ok", "signatures", "It takes unsigned paths from root.");
  if (required === "false") return row("ok", "signatures", "It takes unsigned paths from everybody (require-sigs = false).");
  if (trusted === undefined)
    return row("unknown", "signatures", `Whether it takes unsigned paths from ${user} cannot be told.`, "nix config show trusted-users");
  const words = trusted.split(/\s+/);
  const member = (groups ?? "").split(/\s+/);
  const by = words.find((word) => word === "*" || word === user || (word.startsWith("@") && member.includes(word.slice(1))));
  if (by !== undefined) return row("ok", "signatures", `It takes unsigned paths from ${user}, as trusted-users says (${by}).`);
  return row(
    "fail",
    "signatures",
    `It would refuse unsigned paths from ${user}, who is not among its trusted-users.`,
    `nix.settings.trusted-users = [ "${user}" ];   # or sign: apply.copy.signingKeyFile, with its public half in nix.settings.trusted-public-keys`,
  );
}

function health({ address, observation }: HostAnswer, login: string): Check {
  const row = rowsOf("hosts", address.host);
  const { systemState, failedUnits, activations } = observation;
  const [busy] = activations;
  if (busy !== undefined)
    return row(
      "warn",
      "health",
      `Another activation runs on it: ${busy}.`,
      // A host may lie, and this is copied into a shell.
      isUnitName(busy) ? `${login} systemctl status '${busy}'` : `${login} systemctl list-jobs`,
    );
  if (failedUnits.length > 0)
    return row(
      "warn",
      "health",
      `${failedUnits.length === 1 ? "A unit has" : `${failedUnits.length} units have`} failed: ${failedUnits.slice(0, 4).join(", ")}${failedUnits.length > 4 ? " and others" : ""}. That is not blamed on a deploy.`,
      `${login} systemctl --failed`,
    );
  return systemState === "running" || systemState === "degraded"
    ? row("ok", "health", "No unit has failed.")
    : row("warn", "health", `systemd calls its state "${systemState}".`, `${login} systemctl list-jobs`);
}

function storeRoom({ address, observation }: HostAnswer, login: string): Check {
  const row = rowsOf("hosts", address.host);
  const { store } = observation.space;
  if (store === undefined) return row("unknown", "store-space", "How much room there is on /nix cannot be told.", `${login} df -h /nix`);
  const told = `${size(store.freeBytes)} of ${size(store.sizeBytes)} are free on /nix`;
  if (store.freeBytes >= 3 * gibibyte) return row("ok", "store-space", `${told}.`);
  return row(
    store.freeBytes < gibibyte / 2 ? "fail" : "warn",
    "store-space",
    `${told}; a new system with new packages takes 1 to 5 GiB.`,
    `${login} nix-collect-garbage --delete-older-than 14d`,
  );
}

function bootRoom({ address, observation }: HostAnswer, login: string): Check {
  const row = rowsOf("hosts", address.host);
  const { boot } = observation.space;
  if (boot === undefined) return row("ok", "boot-space", "No boot partition of its own was found; kernels lie on the disk of the system.");
  const told = `${size(boot.freeBytes)} of ${size(boot.sizeBytes)} are free on ${boot.mountPoint}`;
  if (boot.freeBytes >= roomForOneBoot) return row("ok", "boot-space", `${told}.`);
  return row(
    boot.freeBytes < roomForOneBoot / 4 ? "fail" : "warn",
    "boot-space",
    `${told}; kernel and initrd of one more generation take 50 to 150 MiB.`,
    `${login} 'nix-collect-garbage --delete-older-than 14d && /run/current-system/bin/switch-to-configuration boot'   # as root`,
  );
}

/** The host read its clock between the two instants; what lies outside is its error. Seconds do not count: it tells no finer ones. */
function clock({ address, observation, asked, answered }: HostAnswer, login: string): Check {
  const row = rowsOf("hosts", address.host);
  const at = observation.at.getTime();
  if (Number.isNaN(at)) return row("unknown", "clock", "Its clock cannot be read.", `${login} date`);
  const [early, late] = [asked.getTime() - at, at - answered.getTime()];
  const off = Math.round(Math.max(early, late, 0) / 1000);
  if (off < 10) return row("ok", "clock", "Its clock agrees with this machine's.");
  return row(
    "warn",
    "clock",
    `Its clock is ${off} seconds ${early > late ? "behind" : "ahead of"} this machine's: windows are kept by this one, certificates are judged by that one.`,
    `${login} timedatectl`,
  );
}
