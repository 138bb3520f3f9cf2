# A fleet of NixOS-shaped systems without nixpkgs: for each host a `from` and a `to` with closures of about `paths` store paths, of which `own` are not shared with the
# other hosts and `moved` differ between the two sides. Small files are made by builtins.toFile, directories by a few derivations with many outputs.
#   nix-build fleet.nix --argstr hosts 10
{ hosts, paths ? "1500", own ? "75", moved ? "40", part ? "20" }:
let
  inherit (builtins) concatLists concatMap concatStringsSep elemAt fromJSON genList head length listToAttrs map toFile toJSON toString;
  number = fromJSON;
  hostCount = number hosts;
  ownCount = number own;
  movedCount = number moved;
  # Most units of a fleet come from the same modules with the same settings, so that they are the same store paths on all hosts.
  sharedUnitCount = 55;
  ownUnitCount = 15;
  ownFileCount = 15;
  ownPackageCount = ownCount - ownUnitCount - ownFileCount;
  # system-path, etc, units, toplevel, kernel, modules, initrd, systemd, installer and users make up the rest.
  sharedCount = number paths - ownCount - sharedUnitCount - 12;

  sh = name: env: script: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-euc" ". \"$scriptPath\"" ];
    PATH = "/usr/bin:/bin";
    passAsFile = [ "script" ];
    inherit script;
  } // env);
  mod = a: b: a - (a / b) * b;
  lines = concatStringsSep "\n";

  # Packages refer to about six older ones, as those of nixpkgs do.
  packages = genList (i:
    let needs = if i == 0 then [ ] else [ (i - 1) (i / 2) (i / 3) (i / 5) (i - 1 - mod (i * 7) i) (mod (i * 13) i) ]; in
    toFile "package${toString i}-${toString (1 + mod i 9)}.${toString (mod i 23)}.0" "a shared package\n${lines (map (n: elemAt packages n) needs)}\n") sharedCount;
  package = i: elemAt packages (mod i sharedCount);

  kernels = map (version: rec {
    inherit version;
    image = toFile "linux-${version}" "Linux version ${version} (builder@fleet) #1-NixOS SMP\n";
    modules = sh "kernel-modules" { inherit version; } ''
      mkdir -p "$out/lib/modules/$version/kernel"
      echo virtio_net > "$out/lib/modules/$version/kernel/virtio_net.ko"
    '';
    initrd = sh "initrd-linux-${version}" { inherit version; } ''
      mkdir -p root/lib/modules/$version root/etc/ssh "$out"
      i=0; while [ $i -lt 150 ]; do head -c 40000 /dev/urandom > root/lib/modules/$version/driver$i.ko; i=$((i + 1)); done
      echo "PermitRootLogin no" > root/etc/ssh/sshd_config
      ln -s /nix/store/none/lib/systemd/systemd root/init
      (cd root && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc --quiet) > initrd.cpio # no pipe, whose status would be that of gzip
      gzip -1 < initrd.cpio > "$out/initrd"
    '';
  }) [ "6.12.58" "6.12.60" ];
  systemd = toFile "systemd-258.2" "systemd\n${package 0}\n";
  installer = toFile "install-systemd-boot.sh" "#!/bin/sh\nTIMEOUT=5\n";

  sharedUnits = genList (i: rec {
    file = "service${toString i}.service";
    path = toFile "unit-${file}" ''
      [Unit]
      Description=Service ${toString i}
      [Service]
      ExecStart=${package (i * 19)}/bin/service
      Restart=always
    '';
  }) sharedUnitCount;

  side = host: name:
    let
      h = toString host;
      later = name == "to";
      # Of what a host has of its own about half is moved: every other of its units, files and packages, which keeps the packages' versions apart too.
      generation = i: if later && mod (i * movedCount) ownCount < movedCount then "2" else "1";
      unit = i: rec {
        file = "job${toString i}-${h}.service";
        path = toFile "unit-${file}" ''
          [Unit]
          Description=Job ${toString i} of host ${h}
          [Service]
          ExecStart=${package (i * 17 + host)}/bin/job --generation ${generation i}
          Restart=always
        '';
      };
      units = sharedUnits ++ genList unit ownUnitCount;
      etcFiles = genList (i: { name = "file${toString i}.conf"; path = toFile "etc-file${toString i}.conf" "host = ${h}\ngeneration = ${generation i}\nneeds = ${package (i * 5)}\n"; }) ownFileCount;
      ownPackages = genList (i: toFile "tool${toString i}-${h}-${generation i}.0" "a package of one host\n${package (i * 3)}\n${package (i * 11 + host)}\n") ownPackageCount;
      fstab = toFile "etc-fstab" "/dev/vda1 / ext4 x-initrd.mount 0 1\n/dev/vda2 /boot vfat umask=0077 0 2\n";
      users = toFile "users-groups.json" (toJSON { mutableUsers = false; users = [ { name = "root"; uid = 0; group = "root"; } ]; groups = [ { name = "root"; gid = 0; members = [ ]; } ]; });
      systemPath = toFile "system-path" (lines (ownPackages ++ genList (i: package (sharedCount * 3 - 1 - i)) 300));
      kernel = elemAt kernels (if later && mod host 10 == 0 then 1 else 0);
      id = "h${h}${name}";
    in {
      inherit id;
      outputs = [ id "${id}Etc" "${id}Units" ];
      script = ''
        mkdir -p "''$${id}" "''$${id}/bin" "''$${id}/specialisation" "''$${id}Etc/etc/systemd" "''$${id}Units/multi-user.target.wants"
        ${lines (map (u: "ln -s ${u.path} \"$" + "${id}Units/${u.file}\"") units)}
        cd "''$${id}Units/multi-user.target.wants"; ln -s ${concatStringsSep " " (map (u: "../${u.file}") units)} .
        ${lines (map (f: "ln -s ${f.path} \"$" + "${id}Etc/etc/${f.name}\"") etcFiles)}
        ln -s ${fstab} "''$${id}Etc/etc/fstab"
        ln -s "''$${id}Units" "''$${id}Etc/etc/systemd/system"
        cd "''$${id}"
        ln -s "''$${id}Etc/etc" etc; ln -s ${systemPath} sw; ln -s ${systemd} systemd
        ln -s ${kernel.image} kernel; ln -s ${kernel.modules} kernel-modules; ln -s ${kernel.initrd}/initrd initrd
        printf '26.05.2026%s.abc' ${if later then "0601" else "0501"} > nixos-version
        printf 'x86_64-linux' > system; printf 'systemd 2' > init-interface-version; printf 'console=tty0 loglevel=4' > kernel-params
        printf '{"dbus-implementation":"broker"}' > switch-inhibitors
        printf '{"kernel":"%s"}' ${kernel.image} > reboot-triggers
        printf '#### Activation script snippet users:\nupdate-users-groups.pl %s\n' ${users} > activate
        printf "#!/bin/sh\nexport INSTALL_BOOTLOADER='%s'\n" ${installer} > bin/switch-to-configuration
      '';
    };

  parts = let size = number part; in genList (p: let
      first = p * size;
      count = if first + size > hostCount then hostCount - first else size;
      sides = concatMap (host: [ (side host "from") (side host "to") ]) (genList (i: first + i) count);
    in sh "nixos-system" { outputs = concatMap (s: s.outputs) sides; } (lines (map (s: s.script) sides))) ((hostCount + size - 1) / size);
  pairs = concatLists (genList (p: let
      first = p * number part;
      count = if first + number part > hostCount then hostCount - first else number part;
      built = elemAt parts p;
    in genList (i: let host = first + i; in { host = "host${toString host}"; from = built."h${toString host}from"; to = built."h${toString host}to"; }) count) (length parts));
in
# One text with a line for each host; realising it builds everything.
sh "fleet" { } ''
  cat > "$out" <<'END'
  ${lines (map (p: "{\"host\":\"${p.host}\",\"from\":\"${p.from}\",\"to\":\"${p.to}\"}") pairs)}
  END
''
