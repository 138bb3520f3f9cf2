# A machine that comes back by itself: systemd-boot counts the tries of a new entry, and what counts as a good boot is that the gate can get in again.
{
  config,
  lib,
  options,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.nixos-deploy-gate.bootCounting;
  prefix = "services.nixos-deploy-gate.bootCounting";
  systemdBoot = options.boot.loader.systemd-boot;
  known = systemdBoot ? bootCounting;
in
{
  options.services.nixos-deploy-gate.bootCounting = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Lets systemd-boot count the tries of each new entry, and go back to the last good one when they are used up. A boot is good once every unit of `requiredUnits` has started.

        The gate sees that the loader counts and leaves it to that. A machine that hangs has to be restarted by something for the next try to come: a watchdog
        (`systemd.settings.Manager.RuntimeWatchdogSec`, `boot.kernelParams = [ "panic=30" ]`) or a person.
      '';
    };

    tries = mkOption {
      type = types.ints.between 1 9;
      default = 2;
      description = "How often a new entry is tried before the one before it is booted.";
    };

    requiredUnits = mkOption {
      type = types.listOf (types.strMatching "[A-Za-z0-9:_.@-]+\\.[a-z]+");
      default = [ (if config.services.openssh.startWhenNeeded or false then "sshd.socket" else "sshd.service") ];
      defaultText = lib.literalExpression ''[ "sshd.service" ]'';
      example = [ "sshd.service" "network-online.target" ];
      description = "Units without which a boot does not count as good. A machine that is up and cannot be reached is not.";
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        assertions = [
          {
            assertion = known;
            message = "${prefix} needs boot.loader.systemd-boot.bootCounting, which this nixpkgs does not have (NixOS 26.05 does).";
          }
          {
            assertion = config.boot.loader.systemd-boot.enable;
            message = "${prefix} needs boot.loader.systemd-boot.enable: GRUB counts no tries. The gate then lets a new system be the default for one boot only where it can.";
          }
        ];

        # systemd-bless-boot.service takes the counter away after boot-complete.target, which this holds back. It asks instead of requiring: a unit that is
        # required takes this one down with it whenever it is restarted, and boot-complete.target as well.
        systemd.services.nixos-deploy-gate-boot-check = {
          description = "This boot is good: nixos-deploy-gate can get in again";
          requiredBy = [ "boot-complete.target" ];
          before = [ "boot-complete.target" ];
          wants = cfg.requiredUnits;
          after = cfg.requiredUnits;
          # Of the boot, not of a switch: how the units are later says nothing about how the machine came up.
          restartIfChanged = false;
          serviceConfig = {
            Type = "oneshot";
            RemainAfterExit = true;
            ExecStart = "/run/current-system/sw/bin/systemctl is-active --quiet -- ${lib.concatStringsSep " " cfg.requiredUnits}";
          };
        };
      }
      (lib.optionalAttrs known {
        boot.loader.systemd-boot.bootCounting = {
          enable = true;
          # Newer releases call it `tries`.
          ${if systemdBoot.bootCounting ? tries then "tries" else "trials"} = cfg.tries;
        };
      })
    ]
  );
}
