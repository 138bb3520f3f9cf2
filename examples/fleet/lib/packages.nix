# Packages: a few real files each, and references to what they need, so that closures are closures.
versions:
let
  sh =
    name: script: attributes:
    derivation (
      {
        inherit name script;
        system = "x86_64-linux";
        builder = "/bin/sh";
        PATH = "/usr/bin:/bin:/run/current-system/sw/bin";
        args = [
          "-euc"
          ''. "$scriptPath"''
        ];
        passAsFile = [ "script" ];
      }
      // attributes
    );

  package =
    {
      name,
      version ? versions.${name},
      programs ? [ name ],
      needs ? [ ],
      kilobytes ? 400,
    }:
    sh "${name}-${version}" ''
      mkdir -p "$out/bin" "$out/lib"
      for program in $programs; do
        printf '#!/bin/sh\necho "%s %s"\n' "$program" "$version" > "$out/bin/$program"
        chmod +x "$out/bin/$program"
      done
      for need in $needs; do echo "$need"; done > "$out/lib/needs"
      truncate -s "$kilobytes"k "$out/lib/${name}.so"
    '' { inherit version programs needs kilobytes; };

  # Source code is pinned by its hash, as everywhere in Nix: a new version with the old hash does not build.
  resticSource = derivation {
    name = "restic-${versions.restic}.tar.gz";
    system = "x86_64-linux";
    builder = "/bin/sh";
    args = [ "-euc" ''echo "the source of restic ${versions.restic}" > "$out"'' ];
    outputHashAlgo = "sha256";
    outputHash = versions.resticHash;
  };

  self = {
    glibc = package { name = "glibc"; programs = [ "ldd" ]; kilobytes = 30000; };
    zlib = package { name = "zlib"; programs = [ ]; needs = [ self.glibc ]; };
    openssl = package { name = "openssl"; needs = [ self.glibc ]; kilobytes = 9000; };
    bash = package { name = "bash"; programs = [ "bash" "sh" ]; needs = [ self.glibc ]; kilobytes = 7000; };
    coreutils = package { name = "coreutils"; programs = [ "ls" "cp" "mkdir" ]; needs = [ self.glibc ]; };
    systemd = package { name = "systemd"; programs = [ "systemctl" "journalctl" ]; needs = [ self.glibc self.openssl ]; kilobytes = 21000; };
    dbus = package { name = "dbus"; programs = [ "dbus-daemon" ]; needs = [ self.systemd ]; };
    openssh = package { name = "openssh"; programs = [ "ssh" "sshd" ]; needs = [ self.openssl self.zlib ]; kilobytes = 6000; };
    curl = package { name = "curl"; needs = [ self.openssl self.zlib ]; };
    git = package { name = "git"; needs = [ self.curl self.openssh ]; kilobytes = 50000; };
    nix = package { name = "nix"; needs = [ self.curl self.openssl ]; kilobytes = 15000; };
    nginx = package { name = "nginx"; needs = [ self.openssl self.zlib ]; kilobytes = 1800; };
    forgejo = package { name = "forgejo"; needs = [ self.git self.openssh ]; kilobytes = 120000; };
    restic = package { name = "restic"; needs = [ self.openssh resticSource ]; kilobytes = 26000; };
    htop = package { name = "htop"; needs = [ self.glibc ]; };
    postgresql = version: package { name = "postgresql"; inherit version; programs = [ "postgres" "psql" ]; needs = [ self.openssl self.zlib ]; kilobytes = 60000; };
    firmware = sh "linux-firmware-${versions.firmware}" ''mkdir -p "$out/lib/firmware"; echo ${versions.firmware} > "$out/lib/firmware/WHENCE"'' { };
  };
in
self // { inherit sh; }
