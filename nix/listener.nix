# A machine that receives alerts and starts the workflow that looks into them: gate listen as a service.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkOption types;
  root = config.services.nixos-deploy-gate;
  cfg = root.listener;
  prefix = "services.nixos-deploy-gate.listener";

  word = text: ''"${lib.replaceStrings [ "\\" ''"'' "%" "$" "\n" ] [ "\\\\" ''\"'' "%%" "$$" "\\n" ] text}"'';
  number = name: value: [ "--${name}" (toString value) ];
in
{
  options.services.nixos-deploy-gate.listener = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = "Whether this machine receives alerts by webhook and starts the workflow of goals for them.";
    };

    repository = mkOption {
      type = types.strMatching "[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}";
      example = "me/fleet";
      description = "Where the workflow is, OWNER/NAME.";
    };

    apiUrl = mkOption {
      type = types.strMatching "https?://[^ ]+";
      example = "https://codeberg.org/api/v1";
      description = "The forge's interface: https://api.github.com, or the address of a Forgejo with /api/v1.";
    };

    workflow = mkOption {
      type = types.strMatching "[A-Za-z0-9_.-]{1,100}\\.ya?ml";
      default = "goal.yml";
      description = "Name of the workflow's file, without its directory.";
    };

    ref = mkOption {
      type = types.strMatching "[A-Za-z0-9_][A-Za-z0-9_./-]*";
      default = "main";
      description = "The deploy branch, on which it is started; the gate refuses every other.";
    };

    goal = mkOption {
      type = types.strMatching "[a-z][a-z0-9-]{0,40}";
      default = "incident";
      description = "What the run is asked to do.";
    };

    address = mkOption {
      type = types.strMatching "[][0-9A-Fa-f:.]+:[0-9]{1,5}";
      default = "127.0.0.1:9105";
      example = "10.0.0.5:9105";
      description = "An IP address and a port. There is no TLS: hosts reach it by a VPN, or by a proxy in front of it. The firewall is not opened.";
    };

    tokenFile = mkOption {
      type = types.strMatching "/.+";
      example = "/run/secrets/deploy-gate-forge-token";
      description = "A token that may start workflows of that repository and nothing more. A path outside of the store: systemd hands it over, and only root has to be able to read it.";
    };

    secretFile = mkOption {
      type = types.strMatching "/.+";
      example = "/run/secrets/deploy-gate-alert-secret";
      description = "What a sender has to know, 16 characters at least. Whoever has it can start runs, which cost money.";
    };

    restSeconds = mkOption {
      type = types.ints.between 1 86400;
      default = 300;
      description = "Between two runs at least; what comes in meanwhile goes with the next.";
    };

    perHour = mkOption {
      type = types.ints.between 1 1000;
      default = 6;
      description = "Runs at most.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions =
      map
        (name: {
          assertion = !(lib.hasPrefix builtins.storeDir cfg.${name});
          message = "${prefix}.${name} is in the Nix store, where everybody reads it, and so does every cache that it is copied to.";
        })
        [
          "tokenFile"
          "secretFile"
        ];

    systemd.services.nixos-deploy-gate-listener = {
      description = "nixos-deploy-gate listen";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      serviceConfig = {
        ExecStart = lib.concatStringsSep " " (
          [ "${root.package}/bin/nixos-deploy-gate listen" ]
          ++ map word (
            [
              "--repository"
              cfg.repository
              "--api-url"
              cfg.apiUrl
              "--workflow"
              cfg.workflow
              "--ref"
              cfg.ref
              "--goal"
              cfg.goal
              "--address"
              cfg.address
            ]
            ++ number "rest-seconds" cfg.restSeconds
            ++ number "per-hour" cfg.perHour
          )
          # Its secrets and its state it finds by CREDENTIALS_DIRECTORY and STATE_DIRECTORY.
        );
        Restart = "always";
        RestartSec = 5;
        LoadCredential = [
          "token:${cfg.tokenFile}"
          "secret:${cfg.secretFile}"
        ];
        # A user of its own, who owns nothing on this machine but the alerts that no run has been given yet.
        DynamicUser = true;
        StateDirectory = "nixos-deploy-gate-listener";
        StateDirectoryMode = "0700";
        CapabilityBoundingSet = "";
        LockPersonality = true;
        PrivateDevices = true;
        PrivateTmp = true;
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        RestrictAddressFamilies = [
          "AF_INET"
          "AF_INET6"
          "AF_UNIX"
        ];
        RestrictNamespaces = true;
        RestrictSUIDSGID = true;
        SystemCallArchitectures = "native";
        UMask = "0077";
        # An alert storm is a list on a disk and not a machine without memory.
        MemoryMax = "512M";
      };
    };
  };
}
