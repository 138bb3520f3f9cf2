# A machine that runs the gate by itself: reboots in their windows, proofs that hosts are what the flake says, where no forge has a schedule for it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.nixos-deploy-gate;

  # systemd reads "%" as a specifier and "$" as a variable, and its own quoting is that of C strings.
  word = text: ''"${lib.replaceStrings [ "\\" ''"'' "%" "$" "\n" ] [ "\\\\" ''\"'' "%%" "$$" "\\n" ] text}"'';
  noOption = text: builtins.match "-.*" text == null;

  timer =
    { name, ... }:
    {
      options = {
        command = mkOption {
          type = types.enum [
            "deploy"
            "reboot"
            "status"
            "verify"
          ];
          example = "reboot";
          description = ''
            What is run. `reboot` does nothing outside of the windows of the policy, so that it may run often; `verify` and `status` only look. `deploy` deploys whatever the
            flake is at that moment and holds what a person has to approve, which then waits for someone at a prompt.
          '';
        };

        flake = mkOption {
          type = types.str;
          example = "git+https://git.example.org/infra?ref=main";
          description = "The flake whose hosts are meant: the deploy branch, by an address that needs no password. Its policy says which hosts the gate may touch.";
        };

        arguments = mkOption {
          type = types.listOf types.str;
          default = [ ];
          example = [ "--hosts" "web*" ];
          description = "More words for the command; `nixos-deploy-gate COMMAND --help` lists them.";
        };

        onCalendar = mkOption {
          type = types.listOf types.str;
          example = [ "*:0/15" ];
          description = "When, as systemd.time(7) writes it. A time that was missed is not made up for.";
        };

        sshKeyFile = mkOption {
          type = types.strMatching "/.+";
          example = "/run/secrets/deploy-key";
          description = "The deploy key, without passphrase. A path outside of the store: systemd hands it over, and only root has to be able to read it.";
        };

        knownHostsFile = mkOption {
          type = types.strMatching "/.+";
          default = "/etc/ssh/ssh_known_hosts";
          description = "Host keys to believe, besides those of the policy. The default is what programs.ssh.knownHosts makes.";
        };
      };
    };

  unit = name: one: {
    description = "nixos-deploy-gate ${one.command} (${name})";
    wants = [ "network-online.target" ];
    after = [ "network-online.target" ];
    # A switch of this machine neither ends a run nor starts one.
    restartIfChanged = false;
    stopIfChanged = false;
    environment = {
      HOME = "%C/nixos-deploy-gate-${name}";
      NIX_REMOTE = "daemon";
    };
    serviceConfig = {
      Type = "oneshot";
      ExecStart = lib.concatStringsSep " " (
        [
          "${cfg.package}/bin/nixos-deploy-gate"
          one.command
        ]
        ++ map word ([ one.flake ] ++ one.arguments)
        ++ [ ''--ssh-key "%d/ssh-key" --known-hosts ${word one.knownHostsFile}'' ]
      );
      # 3: something waits for a person, which is no failure of this unit.
      SuccessExitStatus = 3;
      TimeoutStartSec = "6h";
      LoadCredential = "ssh-key:${one.sshKeyFile}";
      # A user of its own, who owns nothing on this machine but the cache; Nix is asked through its daemon.
      DynamicUser = true;
      CacheDirectory = "nixos-deploy-gate-${name}";
      CacheDirectoryMode = "0700";
      CapabilityBoundingSet = "";
      PrivateDevices = true;
      PrivateTmp = true;
      ProtectClock = true;
      ProtectControlGroups = true;
      ProtectHome = true;
      ProtectKernelLogs = true;
      ProtectKernelModules = true;
      ProtectKernelTunables = true;
      RestrictSUIDSGID = true;
      UMask = "0077";
    };
  };
in
{
  options.services.nixos-deploy-gate = {
    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ./package.nix { };
      defaultText = lib.literalExpression "pkgs.callPackage ./package.nix { }";
      description = "The program that the timers run. Machines that are only deployed to need none.";
    };

    timers = mkOption {
      type = types.attrsOf (types.submodule timer);
      default = { };
      example = lib.literalExpression ''
        {
          reboots = {
            command = "reboot";
            flake = "git+https://git.example.org/infra?ref=main";
            onCalendar = [ "*:0/15" ];
            sshKeyFile = "/run/secrets/deploy-key";
          };
        }
      '';
      description = ''
        Runs of the gate by a timer of this machine, which has the deploy key and is therefore as much worth protecting as every machine that it reaches.
      '';
    };
  };

  config = lib.mkIf (cfg.timers != { }) {
    assertions = lib.concatLists (
      lib.mapAttrsToList (name: one: [
        {
          assertion = builtins.match "[A-Za-z0-9_-]{1,60}" name != null;
          message = "services.nixos-deploy-gate.timers: ${builtins.toJSON name} is no name for a unit; letters, digits, \"_\" and \"-\" are.";
        }
        {
          assertion = !(lib.hasPrefix builtins.storeDir one.sshKeyFile);
          message = "services.nixos-deploy-gate.timers.${name}.sshKeyFile is in the Nix store, where everybody reads it, and so does every cache that it is copied to.";
        }
        {
          assertion = noOption one.flake;
          message = "services.nixos-deploy-gate.timers.${name}.flake begins with \"-\": it would be taken for an option.";
        }
      ]) cfg.timers
    );

    systemd.services = lib.mapAttrs' (name: one: lib.nameValuePair "nixos-deploy-gate-timer-${name}" (unit name one)) cfg.timers;

    systemd.timers = lib.mapAttrs' (
      name: one:
      lib.nameValuePair "nixos-deploy-gate-timer-${name}" {
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnCalendar = one.onCalendar;
          RandomizedDelaySec = 30;
        };
      }
    ) cfg.timers;
  };
}
