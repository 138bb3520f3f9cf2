/** What deploy-rs hands to ssh, read for what it says of the way. Values are as they were written: the caller checks them. */
export type SshWords =
  | {
      readonly ok: true;
      readonly user?: string;
      readonly port?: number;
      readonly jump?: readonly string[];
      /** Words that say how to connect and not where to: the gate has settings of its own for that. */
      readonly ignored: readonly string[];
    }
  | { readonly ok: false; readonly problem: string };

/** Flags without a value that do not change where a connection leads. */
const harmlessFlags = /^-[46AaCfgKkMNnqsTtvXxYy]+$/;
/** Flags with a value that do not either; the key and what is known of host keys come from the run's inputs and the policy. */
const harmlessWithValue = new Set(["-i", "-c", "-m", "-e", "-E", "-S", "-I"]);
const harmlessOptions = new Set(
  (
    "AddressFamily BatchMode Ciphers Compression ConnectTimeout ConnectionAttempts ControlMaster ControlPath ControlPersist ForwardAgent IdentitiesOnly " +
    "IdentityFile KexAlgorithms LogLevel MACs RequestTTY ServerAliveCountMax ServerAliveInterval StrictHostKeyChecking TCPKeepAlive UpdateHostKeys " +
    "UserKnownHostsFile"
  )
    .toLowerCase()
    .split(" "),
);

/**
 * Reads `sshOpts`. Port, user and jump hosts are followed, what is known to be harmless is passed over, and everything else is refused: a ProxyCommand, a HostName or
 * a file of settings would lead elsewhere than the words that people reviewed.
 */
export function readSshOptions(words: readonly string[]): SshWords {
  let user: string | undefined;
  let port: number | undefined;
  let jump: readonly string[] | undefined;
  const ignored: string[] = [];
  const queue = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== "");
  const set = (name: string, value: string): boolean => {
    if (name === "port") port ??= /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
    else if (name === "user") user ??= value;
    else if (name === "proxyjump") jump ??= value.toLowerCase() === "none" ? [] : value.replace(/^ssh:\/\//, "").split(",");
    else return false;
    return true;
  };
  while (queue.length > 0) {
    const word = queue.shift() ?? "";
    const flag = word.slice(0, 2);
    const value = (): string => (word.length > 2 ? word.slice(2) : (queue.shift() ?? ""));
    const named = { "-p": "port", "-l": "user", "-J": "proxyjump" }[flag];
    if (named !== undefined) set(named, value());
    else if (flag === "-o") {
      const text = value();
      const [, name = "", given = ""] = /^([A-Za-z0-9]+)=?(.*)$/s.exec(text) ?? [];
      // `-o "Port 22"` has been split at its space.
      const setting = given === "" && !text.includes("=") ? (queue.shift() ?? "") : given;
      if (set(name.toLowerCase(), setting)) continue;
      if (!harmlessOptions.has(name.toLowerCase()))
        return { ok: false, problem: `"${shown(text)}" is not a setting that the gate follows` };
      ignored.push(`-o ${shown(text)}`);
    } else if (harmlessWithValue.has(flag)) ignored.push(`${flag} ${shown(value())}`);
    else if (harmlessFlags.test(word)) ignored.push(shown(word));
    else return { ok: false, problem: `"${shown(word)}" is not an option that the gate follows` };
  }
  return {
    ok: true,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
    ...(jump === undefined ? {} : { jump }),
    ignored,
  };
}

const shown = (word: string): string => word.replace(/[^\x20-\x7e]/g, "?").slice(0, 80);
