# A NixOS-shaped system: the files and links that `config.system.build.toplevel` has, made with nothing but builtins and /bin/sh.
let
  versions = import ../versions.nix;
  pkgs = import ./packages.nix versions;
  inherit (builtins)
    attrNames
    concatStringsSep
    filter
    map
    replaceStrings
    toFile
    toJSON
    ;
  inherit (pkgs) sh;

  release = "25.11";
  label = "${release}.20251118.50a96ed";

  # A text that may name store paths, as a file in the store.
  text = name: contents: sh name ''printf '%s' "$contents" > "$out"'' { inherit contents; };
  safe = replaceStrings [ "@" "/" ] [ "-" "-" ];
  linkAll = links: concatStringsSep "\n" (map (to: ''mkdir -p "$out/$(dirname '${to}')"; ln -s '${links.${to}}' "$out/${to}"'') (attrNames links));

  kernelOf = linux: sh "linux-${linux}" ''mkdir -p "$out"; echo "Linux version ${linux}" > "$out/bzImage"; truncate -s 12M "$out/bzImage"'' { };
  kernelModulesOf = linux: sh "kernel-modules" ''
    mkdir -p "$out/lib/modules/${linux}/kernel/fs"
    for module in ext4 nfs btrfs; do echo "vermagic=${linux}" > "$out/lib/modules/${linux}/kernel/fs/$module.ko"; done
  '' { };

  # A cpio archive, written by hand because cpio is not everywhere: a header of hexadecimal fields, the name, the contents, each padded to four bytes.
  initrdOf = linux: sh "initrd-linux-${linux}" ''
    mkdir -p "$out"
    pad() { n=$(( (4 - $1 % 4) % 4 )); while [ "$n" -gt 0 ]; do printf '\0'; n=$((n - 1)); done; }
    member() {
      printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x' 1 33188 0 0 1 0 ''${#2} 0 0 0 0 $((''${#1} + 1)) 0
      printf '%s\0' "$1"; pad $((110 + ''${#1} + 1)); printf '%s' "$2"; pad ''${#2}
    }
    {
      member init "$systemd/lib/systemd/systemd"
      for module in virtio_blk virtio_net ext4; do member "lib/modules/${linux}/kernel/$module.ko" "vermagic=${linux}"; done
      member TRAILER!!! ""
    } > "$out/initrd"
  '' { inherit (pkgs) systemd; };

  sshd = extra: ''
    Port 22
    PermitRootLogin prohibit-password
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    AuthorizedKeysFile %h/.ssh/authorized_keys /etc/ssh/authorized_keys.d/%u
  '' + extra;

  commonUnits = {
    "sshd.service" = ''
      [Unit]
      Description=SSH Daemon
      After=network.target

      [Service]
      ExecStart=${pkgs.openssh}/bin/sshd -D -f /etc/ssh/sshd_config
      KillMode=process
      Restart=always
      X-StopIfChanged=false
    '';
    "nix-daemon.service" = ''
      [Unit]
      Description=Nix Daemon

      [Service]
      ExecStart=${pkgs.nix}/bin/nix-daemon --daemon
      X-RestartIfChanged=false
    '';
    "dbus.service" = ''
      [Unit]
      Description=D-Bus System Message Bus

      [Service]
      ExecStart=${pkgs.dbus}/bin/dbus-daemon --system --nofork
      X-ReloadIfChanged=true
    '';
  };

  firewallScript = ports: text "firewall-start" ''
    #! ${pkgs.bash}/bin/bash -e
    iptables -w -N nixos-fw
    ${concatStringsSep "\n" (map (port: "iptables -w -A nixos-fw -p tcp --dport ${toString port} -j nixos-fw-accept") ports)}
    iptables -w -A nixos-fw -j nixos-fw-log-refuse
    iptables -w -A INPUT -j nixos-fw
  '';

  adminKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZsZWV0LWV4YW1wbGUta2V5LWZvci10aGUtZGVtbw admin@example";
in
{
  nixosSystem =
    hostName: module:
    let
      host = {
        packages = [ ];
        units = { };
        etc = { };
        ports = [ 22 ];
        mounts = { };
        kernelParams = [ ];
        sshdExtra = "";
        users = { };
        inherit (versions) linux;
      }
      // module { inherit pkgs versions text; };

      kernel = kernelOf host.linux;
      kernelModules = kernelModulesOf host.linux;
      initrd = initrdOf host.linux;

      units = commonUnits // host.units // {
        "firewall.service" = ''
          [Unit]
          Description=Firewall

          [Service]
          Type=oneshot
          RemainAfterExit=yes
          ExecStart=${firewallScript host.ports}
          X-ReloadIfChanged=true
        '';
      };

      unitFiles = sh "system-units" (
        ''mkdir -p "$out/multi-user.target.wants"
        ''
        + concatStringsSep "\n" (
          map (
            name:
            ''ln -s '${text "unit-${safe name}" units.${name}}' "$out/${name}"''
            + (if builtins.match ".*\\.timer" name == null then ''; ln -s '../${name}' "$out/multi-user.target.wants/${name}"'' else "")
          ) (attrNames units)
        )
      ) { };

      mounts = {
        "/" = "/dev/disk/by-label/nixos ext4 x-initrd.mount 0 1";
        "/boot" = "/dev/disk/by-label/ESP vfat fmask=0077,dmask=0077 0 2";
      } // host.mounts;
      fstab = concatStringsSep "" (map (point: let words = filter builtins.isString (builtins.split " " mounts.${point}); in
        "${builtins.head words} ${point} ${concatStringsSep " " (builtins.tail words)}\n") (attrNames mounts));

      etcFiles = {
        "hostname" = toFile "etc-hostname" "${hostName}\n";
        "fstab" = toFile "etc-fstab" fstab;
        "os-release" = toFile "etc-os-release" "ID=nixos\nVERSION_ID=\"${release}\"\n";
        "ssh/sshd_config" = toFile "sshd.conf" (sshd host.sshdExtra);
        "ssh/authorized_keys.d/root" = toFile "authorized_keys-root" "${adminKey}\n";
        "nix/nix.conf" = toFile "nix.conf" "trusted-users = root\nsubstituters = https://cache.nixos.org\n";
        "sysctl.d/60-nixos.conf" = toFile "sysctl.conf" "kernel.kptr_restrict=1\nvm.swappiness=60\n";
        "systemd/system" = unitFiles;
      } // host.etc;
      etc = sh "etc" (linkAll (builtins.listToAttrs (map (name: { name = "etc/${name}"; value = etcFiles.${name}; }) (attrNames etcFiles)))) { };

      usersGroups = toFile "users-groups.json" (toJSON {
        mutableUsers = false;
        groups = [ { name = "wheel"; gid = 1; members = [ "admin" ]; } ];
        users = map (name: { inherit name; group = "users"; home = "/home/${name}"; isSystemUser = false; shell = "/run/current-system/sw/bin/bash"; uid = null; } // ({ admin = { uid = 1000; }; } // host.users).${name}) (
          attrNames ({ admin = { }; } // host.users)
        );
      });

      systemPath = sh "system-path" (
        ''mkdir -p "$out/bin"
        '' + concatStringsSep "\n" (map (package: ''for program in ${package}/bin/*; do [ ! -e "$program" ] || ln -sf "$program" "$out/bin/"; done'') (
          [ pkgs.bash pkgs.coreutils pkgs.curl pkgs.openssh pkgs.nix ] ++ host.packages
        ))
      ) { };

      params = concatStringsSep " " ([ "loglevel=4" "quiet" ] ++ host.kernelParams);

      installer = text "install-systemd-boot.sh" "#! ${pkgs.bash}/bin/bash\n# timeout 5, configuration limit 20, EFI at /boot\n";

      toplevel = sh "nixos-system-${hostName}-${label}" ''
        mkdir -p "$out/bin" "$out/specialisation"
        ln -s ${etc}/etc "$out/etc"
        ln -s ${systemPath} "$out/sw"
        ln -s ${pkgs.systemd} "$out/systemd"
        ln -s ${kernel}/bzImage "$out/kernel"
        ln -s ${kernelModules} "$out/kernel-modules"
        ln -s ${initrd}/initrd "$out/initrd"
        ln -s ${pkgs.firmware}/lib/firmware "$out/firmware"
        printf '%s' "${params}" > "$out/kernel-params"
        printf '%s' "${label}" > "$out/nixos-version"
        printf '%s' "x86_64-linux" > "$out/system"
        printf '%s' "systemd 2" > "$out/init-interface-version"
        printf '#! ${pkgs.bash}/bin/bash\n' > "$out/init"
        {
          echo '#! ${pkgs.bash}/bin/bash'
          echo '#### Activation script snippet users:'
          echo "update-users-groups.pl ${usersGroups}"
          echo '#### Activation script snippet etc:'
          echo "setup-etc.pl ${etc}/etc"
        } > "$out/activate"
        {
          echo '#! ${pkgs.bash}/bin/bash -e'
          echo "export OUT='$out'"
          echo "export TOPLEVEL='$out'"
          echo "export INSTALL_BOOTLOADER='${installer}'"
          echo "export SYSTEMD='${pkgs.systemd}'"
          echo 'exec switch-to-configuration-ng "$@"'
        } > "$out/bin/switch-to-configuration"
        chmod +x "$out/activate" "$out/init" "$out/bin/switch-to-configuration"
        cat > "$out/boot.json" <<JSON
        {"org.nixos.bootspec.v1":{"init":"$out/init","initrd":"${initrd}/initrd","kernel":"${kernel}/bzImage","kernelParams":[],"label":"NixOS ${label}","system":"x86_64-linux","toplevel":"$out"},"org.nixos.specialisation.v1":{}}
        JSON
      '' { };
    in
    {
      config = {
        networking.hostName = hostName;
        system.stateVersion = release;
        system.build.toplevel = toplevel;
      };
      options = { };
    };
}
