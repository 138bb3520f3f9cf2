# Toplevels in the shape of NixOS's, for the test hosts: no nixpkgs, only /bin/sh and the tools of the machine that builds. `specs` is a JSON list of what
# toplevels.ts calls ToplevelSpec; the result is the list of toplevels.
{ specs, system ? builtins.currentSystem }:
let
  run = name: environment: script:
    derivation (
      {
        inherit name;
        inherit system;
        builder = "/bin/sh";
        args = [ "-euc" ("PATH=/usr/bin:/bin\n" + script) ];
      }
      // environment
    );
  names = builtins.attrNames;
  lines = builtins.concatStringsSep "\n";

  # A directory of files with these texts: { "etc/hosts" = "…"; }
  directory = name: files:
    let
      indexed = builtins.genList (i: { inherit i; path = builtins.elemAt (names files) i; }) (builtins.length (names files));
      environment = builtins.listToAttrs (
        map ({ i, path }: { name = "p${toString i}"; value = path; }) indexed
        ++ map ({ i, path }: { name = "c${toString i}"; value = files.${path}; }) indexed
      );
    in
    run name (environment // { count = builtins.length indexed; }) ''
      mkdir "$out"
      i=0
      while [ "$i" -lt "$count" ]; do
        eval "path=\$p$i content=\$c$i"
        case $path in */*) mkdir -p "$out/''${path%/*}" ;; esac
        printf '%s' "$content" >"$out/$path"
        case $content in '#!'*) chmod 755 "$out/$path" ;; esac
        i=$((i + 1))
      done
    '';

  script = name: text: "${directory name { "bin/${name}" = "#!/bin/sh\n${text}\n"; }}/bin/${name}";
  # A program whose running binary really lies in the store: /usr/bin/sleep under another name.
  program = name: version: "${run "${name}-${version}" { inherit version; } ''
    mkdir -p "$out/bin"
    cp /usr/bin/sleep "$out/bin/${name}"
  ''}/bin/${name}";

  settings = attributes:
    lines (builtins.concatLists (map (
      key: map (value: "${key}=${value}") (let v = attributes.${key}; in if builtins.isList v then v else [ v ])
    ) (names attributes)));

  service = name: spec: ''
    [Unit]
    Description=${spec.description or name}
    ${settings (spec.unit or { })}

    [Service]
    ${settings (
      {
        ExecStart =
          if spec ? script then script "unit-script-${name}-start" spec.script
          else "${program name (spec.version or "1.0")} infinity";
      }
      // (if spec ? reload then { ExecReload = script "unit-script-${name}-reload" spec.reload; } else { })
      // (if spec ? stop then { ExecStop = script "unit-script-${name}-stop" spec.stop; } else { })
      // (spec.service or { })
    )}
  '';

  uname = "${directory "uname" { "bin/uname" = builtins.readFile ./machine/uname.sh; }}/bin/uname";
  bootctl = "${directory "systemd-boot" { "bin/bootctl" = builtins.readFile ./machine/bootctl.sh; }}/bin/bootctl";
  installer = name: "${directory "install-${name}" { "bin/install" = builtins.readFile ./machine/install-boot-loader.sh; }}/bin/install";
  # A host that is a machine of its own has real ones.
  systemPath = extra: real: run "system-path" (
    { inherit extra; } // (if real then { uname = "/usr/bin/uname"; bootctl = "/usr/bin/bootctl"; } else { inherit uname bootctl; })
  ) ''
    mkdir -p "$out/bin"
    for tool in awk basename bash busctl cat chgrp chmod chown chroot cmp comm cp cut curl date dd df diff dirname du echo env expr false find findmnt flock grep head hostname \
      hostnamectl id install ionice join journalctl kill ln logger loginctl ls lsblk mkdir mkfifo mktemp mount mountpoint mv nice nix nix-build nix-channel nix-collect-garbage \
      nix-copy-closure nix-daemon nix-env nix-hash nix-instantiate nix-store nohup nproc nsenter od paste pgrep printf ps pwd readlink realpath rm rmdir scp sed seq setpriv \
      setsid sh sha256sum sleep sort split ss stat stdbuf sync systemctl systemd-analyze systemd-cat systemd-escape systemd-notify systemd-run tail tee test timeout touch tr \
      true truncate tty umount uniq unlink unshare uptime w wc which who whoami xargs yes; do
      ln -s "/usr/bin/$tool" "$out/bin/$tool"
    done
    for tool in blkid ip losetup lsmod modprobe nft reboot shutdown poweroff sshd swapoff swapon sysctl; do
      ln -s "/usr/sbin/$tool" "$out/bin/$tool"
    done
    ln -s "$uname" "$out/bin/uname"
    ln -s "$bootctl" "$out/bin/bootctl"
    printf '%s' "$extra" >"$out/.packages"
  '';

  toplevel = spec:
    let
      host = spec.host;
      version = spec.version or "26.05.20260423.01fbdee";
      release = spec.kernel or "6.12.40";
      # A directory of this machine with a kernel that boots, and the initrd for it.
      real = spec.realKernel or "";
      kernel = run "linux-${release}" { inherit real; size = toString (spec.kernelBytes or 65536); } ''
        mkdir "$out"
        if [ -n "$real" ]; then cp "$real/bzImage" "$out/bzImage"; exit; fi
        head -c "$size" /dev/zero | tr '\0' k >"$out/bzImage"
      '';
      modules = run "linux-${release}-modules" { inherit release; } ''
        mkdir -p "$out/lib/modules/$release/kernel"
        echo "kernel/fs/overlayfs/overlay.ko.xz:" >"$out/lib/modules/$release/modules.dep"
      '';
      initrd = run "initrd-linux-${release}" { inherit kernel real; content = spec.initrd or ""; size = toString (spec.initrdBytes or 131072); } ''
        mkdir "$out"
        if [ -n "$real" ] && [ -z "$content" ]; then cp "$real/initrd" "$out/initrd"; exit; fi
        { printf '%s %s\n' "$kernel" "$content"; head -c "$size" /dev/zero | tr '\0' i; } >"$out/initrd"
      '';
      systemd = run "systemd-${spec.systemd or "257.10"}" { } ''
        mkdir -p "$out/lib/systemd"
        ln -s /usr/lib/systemd/systemd "$out/lib/systemd/systemd"
      '';
      sshdConfig = builtins.toFile "sshd.conf-settings" ''
        UsePAM yes
        Port 22
        HostKey /etc/ssh/ssh_host_ed25519_key
        PermitRootLogin prohibit-password
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        X11Forwarding no
        PrintMotd no
        Subsystem sftp /usr/lib/openssh/sftp-server
        ${spec.sshd or ""}
      '';
      sysctl = spec.sysctl or { };
      sysctlFile = builtins.toFile "sysctl.conf" (lines (map (key: "${key}=${sysctl.${key}}") (names sysctl)) + "\n");
      services = spec.services or { };
      units = directory "system-units" (
        {
          "sshd.service" = ''
            [Unit]
            Description=SSH Daemon
            After=network.target
            X-Restart-Triggers=${sshdConfig}
            StartLimitIntervalSec=0

            [Service]
            X-StopIfChanged=false
            Type=notify
            ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/sshd_config
            RuntimeDirectory=sshd
            KillMode=process
            ${if spec.sshdRestart or true then "Restart=always" else "Restart=no"}
            RestartSec=1
          '';
          "systemd-sysctl.service.d/overrides.conf" = ''
            [Unit]
            X-Restart-Triggers=${sysctlFile}
          '';
        }
        // builtins.listToAttrs (map (name: { name = "${name}.service"; value = service name services.${name}; }) (names services))
        // (spec.units or { })
      );
      # Links to units, as NixOS makes them for wantedBy.
      wanted =
        [ "multi-user.target.wants/sshd.service" ]
        ++ map (name: "${services.${name}.wantedBy or "multi-user.target"}.wants/${name}.service") (builtins.filter (name: services.${name}.wantedBy or "" != null) (names services))
        ++ (spec.wants or [ ]);
      linked = run "system-units" { inherit units; wanted = lines wanted; masked = lines (spec.masked or [ ]); } ''
        mkdir "$out"
        cp -R "$units/." "$out/"
        chmod -R u+w "$out"
        for link in $wanted; do
          mkdir -p "$out/''${link%/*}"
          ln -s "../''${link##*/}" "$out/$link"
        done
        for unit in $masked; do ln -sf /dev/null "$out/$unit"; done
      '';
      files = directory "etc-files" (
        {
          hostname = "${spec.hostName or host}\n";
          os-release = ''
            NAME=NixOS
            ID=nixos
            PRETTY_NAME="NixOS ${version}"
            VERSION_ID="26.05"
            BUILD_ID="${version}"
          '';
          fstab = lines (spec.fstab or [ ]) + "\n";
        }
        // (spec.etc or { })
      );
      etc = run "etc" { inherit files linked sshdConfig sysctlFile; } ''
        mkdir -p "$out/etc/systemd" "$out/etc/ssh" "$out/etc/sysctl.d"
        cp -R "$files/." "$out/etc/"
        chmod -R u+w "$out/etc"
        ln -s "$linked" "$out/etc/systemd/system"
        ln -s "$sshdConfig" "$out/etc/ssh/sshd_config"
        ln -s "$sysctlFile" "$out/etc/sysctl.d/60-nixos.conf"
      '';
      specialisations = spec.specialisations or { };
    in
    run "nixos-system-${host}-${version}" (
      {
        inherit host version release kernel modules initrd systemd etc;
        sw = systemPath (lines (spec.packages or [ ])) (real != "");
        installer = installer "boot-loader";
        parameters = builtins.concatStringsSep " " (spec.kernelParams or [ "loglevel=4" ]);
        interface = spec.initInterfaceVersion or "systemd 2";
        inhibitors = builtins.toJSON (spec.inhibitors or { dbus-implementation = "dbus"; });
        triggers = builtins.toJSON (spec.rebootTriggers or {
          kernel = "${kernel}";
          kernel-params = builtins.concatStringsSep "," (spec.kernelParams or [ "loglevel=4" ]);
          dbus-implementation = (spec.inhibitors or { }).dbus-implementation or "dbus";
        });
        snippet = spec.activation or ":";
        drySnippet = spec.dryActivation or ":";
        check = spec.preSwitchCheck or ":";
        early = spec.early or ":";
        # What makes the closure large, or the path another one.
        payload = toString (spec.payloadBytes or 0);
        revision = spec.revision or "";
        activateBody = builtins.readFile ./machine/activate.sh;
        initBody = builtins.readFile ./machine/init.sh;
        switchBody = builtins.readFile ./machine/switch-to-configuration.sh;
        bootspec = builtins.toJSON {
          "org.nixos.bootspec.v1" = {
            inherit system;
            init = "@toplevel@/init";
            initrd = "${initrd}/initrd";
            kernel = "${kernel}/bzImage";
            kernelParams = spec.kernelParams or [ "loglevel=4" ];
            label = "NixOS ${version} (Linux ${release})";
            toplevel = "@toplevel@";
          };
          "org.nixos.specialisation.v1" = { };
        };
        special = lines (map (name: "${name} ${toplevel ((removeAttrs spec [ "specialisations" ]) // specialisations.${name})}") (names specialisations));
      }
    ) ''
      mkdir -p "$out/bin" "$out/specialisation"
      ln -s "$kernel/bzImage" "$out/kernel"
      ln -s "$modules" "$out/kernel-modules"
      ln -s "$initrd/initrd" "$out/initrd"
      ln -s "$systemd" "$out/systemd"
      ln -s "$etc/etc" "$out/etc"
      ln -s "$sw" "$out/sw"
      printf '%s' "$parameters" >"$out/kernel-params"
      printf '%s' "$interface" >"$out/init-interface-version"
      printf '%s' "$version" >"$out/nixos-version"
      printf '%s' "$system" >"$out/system"
      printf '%s' "$inhibitors" >"$out/switch-inhibitors"
      printf '%s' "$triggers" >"$out/reboot-triggers"
      printf '%s' "$bootspec" | sed "s|@toplevel@|$out|g" >"$out/boot.json"
      [ "$payload" = 0 ] || head -c "$payload" /dev/urandom >"$out/payload"
      [ -z "$revision" ] || printf '%s' "$revision" >"$out/configuration-revision"
      printf '#!/bin/sh\ntoplevel=%s\nsnippet() {\n%s\n}\n%s' "$out" "$snippet" "$activateBody" >"$out/activate"
      printf '#!/bin/sh\ntoplevel=%s\n%s\n' "$out" "$drySnippet" >"$out/dry-activate"
      printf '#!/bin/sh\ntoplevel=%s\nearly() {\n%s\n}\n%s' "$out" "$early" "$initBody" >"$out/init"
      printf '#!/bin/sh\ntoplevel=%s\ninstall_boot_loader=%s\npre_switch_check() {\n%s\n}\n%s' "$out" "$installer" "$check" "$switchBody" >"$out/bin/switch-to-configuration"
      chmod 755 "$out/activate" "$out/dry-activate" "$out/init" "$out/bin/switch-to-configuration"
      printf '%s\n' "$special" | while read -r name path; do
        [ -z "$name" ] || ln -s "$path" "$out/specialisation/$name"
      done
    '';
in
map toplevel (builtins.fromJSON specs)
