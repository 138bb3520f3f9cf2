# A machine whose failed units are told to a listener: a template unit for OnFailure=, and the units that have it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.nixos-deploy-gate.onFailure;
  prefix = "services.nixos-deploy-gate.onFailure";
  template = "nixos-deploy-gate-failed@";

  # Constant: what is told is an argument or a file.
  program = pkgs.writeScript "nixos-deploy-gate-tell-failed" (builtins.readFile ./tell-failed.sh);
  word = text: ''"${lib.replaceStrings [ "\\" ''"'' "%" "$" "\n" ] [ "\\\\" ''\"'' "%%" "$$" "\\n" ] text}"'';
in
{
  options.services.nixos-deploy-gate.onFailure = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether this machine has the template unit `nixos-deploy-gate-failed@`, which tells a listener that a unit failed, with the last lines of its journal. Whoever reads the
        runs of the forge may read those lines; the listener takes out what it knows as secrets.
      '';
    };

    url = mkOption {
      type = types.strMatching "https?://[^ ]+";
      example = "http://10.0.0.5:9105/alert";
      description = "Of the listener, with /alert at its end.";
    };

    secretFile = mkOption {
      type = types.strMatching "/.+";
      example = "/run/secrets/deploy-gate-alert-secret";
      description = "The listener's secret. A path outside of the store.";
    };

    host = mkOption {
      type = types.strMatching "[A-Za-z0-9][A-Za-z0-9_.-]{0,62}";
      default = config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
      description = "What the flake calls this machine.";
    };

    units = mkOption {
      type = types.listOf (types.strMatching "[A-Za-z0-9:_.@\\-]+");
      default = [ ];
      example = [ "nginx" "restic-backups-offsite" ];
      description = "Services that are told when they fail, by their names under systemd.services. Any other unit can say it itself: OnFailure=nixos-deploy-gate-failed@%n.service.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !(lib.hasPrefix builtins.storeDir cfg.secretFile);
        message = "${prefix}.secretFile is in the Nix store, where everybody reads it, and so does every cache that it is copied to.";
      }
      {
        assertion = lib.hasSuffix "/alert" cfg.url;
        message = ''${prefix}.url does not end in "/alert", where the listener hears of one unit.'';
      }
      {
        assertion = !(lib.any (name: lib.hasPrefix "nixos-deploy-gate-failed" name) cfg.units);
        message = "${prefix}.units names the unit that tells: its own failure would start it again without end.";
      }
    ];

    systemd.services =
      {
        ${template} = {
          description = "Tell that %i failed";
          wants = [ "network-online.target" ];
          after = [ "network-online.target" ];
          restartIfChanged = false;
          path = [
            pkgs.curl
            pkgs.coreutils
            config.systemd.package
          ];
          # Only what ends at once comes to this: a secret that is not there.
          unitConfig = {
            StartLimitIntervalSec = 60;
            StartLimitBurst = 10;
          };
          serviceConfig = {
            # Started is as good as done for whoever waits: a boot, a switch.
            Type = "exec";
            # "%i": the name of the unit, escaped as systemd escapes it in the first place. It makes no directory of this unit's: systemd breaks down over ":" in one.
            ExecStart = "${program} %i ${word cfg.host} ${word cfg.url}";
            # What is not told is lost, so that it does not give up, save where the listener will never take it.
            Restart = "on-failure";
            RestartPreventExitStatus = 64;
            RestartSec = 300;
            LoadCredential = "secret:${cfg.secretFile}";
            DynamicUser = true;
            SupplementaryGroups = [ "systemd-journal" ];
            CapabilityBoundingSet = "";
            PrivateDevices = true;
            PrivateTmp = true;
            ProtectHome = true;
            ProtectKernelModules = true;
            ProtectKernelTunables = true;
            RestrictSUIDSGID = true;
            UMask = "0077";
          };
        };
      }
      // lib.genAttrs cfg.units (_: {
        onFailure = [ "${template}%n.service" ];
      });
  };
}
