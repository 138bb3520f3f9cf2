import type { StandInHost } from "../commands/stand-in-host.ts";
import { flake } from "../scenario/flake.ts";
import type { StoryHost } from "./story.ts";

/** The host of a story that only says what it runs. */
export function standInStory(host: StandInHost | undefined): StoryHost {
  return {
    name: "web1",
    changes: false,
    sshPrivateKey: host?.key.privateKey ?? "",
    sshKnownHosts: host?.knownHost ?? "",
    target: host?.target ?? {},
    files: (version, risky) => ({
      "flake.nix": flake(`
        nixosConfigurations.web1 = system { name = "web1"; more = "echo ${version} > etc/motd${risky ? "; echo bob ALL=ALL > etc/sudoers" : ""}"; };
        deployGate = builtins.fromJSON (builtins.readFile ./policy.json);`),
    }),
  };
}
