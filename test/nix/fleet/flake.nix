# Hosts that go wrong in every way there is, and some that do not. No nixpkgs: a toplevel is a derivation with the files that make it a NixOS system.
{
  inputs = { };
  outputs =
    { self }:
    let
      inherit (builtins) derivation elemAt foldl' genList mapAttrs;
      # Another text gives other store paths, so that one test's builds are not another's.
      salt = builtins.readFile ./salt;
      sh = name: script: attributes: derivation ({
        inherit name salt;
        system = "x86_64-linux";
        builder = "/bin/sh";
        PATH = "/usr/bin:/bin";
        args = [ "-ec" script ];
      } // attributes);
      system = name: inputs: attributes: sh "nixos-system-${name}-26.05" ''
        mkdir $out $out/etc; printf 26.05.test > $out/nixos-version; printf ${name} > $out/etc/hostname; echo "$inputs" > $out/inputs
        echo "made the system of ${name}"
      '' ({ inherit inputs; } // attributes);
      host = name: inputs: {
        config = {
          networking.hostName = name;
          system.stateVersion = "25.11";
          system.build.toplevel = system name inputs { };
        };
      };
      shared = sh "shared-1.0" "echo compiling; echo 'shared.c:12: error: boom' >&2; exit 3" { };
      library = sh "library-2.1" "mkdir $out; echo $out" { };
    in
    {
      nixosConfigurations = {
        plain = host "plain" [ library ];
        # The least that can be called a host.
        minimal.config.system.build.toplevel = system "minimal" [ ] { };
        full = {
          config = {
            system.build.toplevel = builtins.trace "evaluation warning: foo is deprecated" (builtins.trace "Obsolete option `a' is used" (system "full" [ library ] { }));
            system.stateVersion = "25.11";
            system.nixos.release = "26.05";
            networking.hostName = "full";
            networking.firewall = { enable = true; allowedTCPPorts = [ 22 443 ]; allowedUDPPortRanges = [ { from = 60000; to = 60010; } ]; interfaces.wg0.allowedTCPPorts = [ 9100 ]; };
            services.openssh = { enable = true; ports = [ 22 2222 ]; settings.PermitRootLogin = "prohibit-password"; };
            users.users = {
              root.openssh.authorizedKeys = { keys = [ "ssh-ed25519 AAAA a" ]; keyFiles = [ ]; };
              alice = { extraGroups = [ "wheel" ]; openssh.authorizedKeys.keys = [ "ssh-ed25519 AAAA b" "ssh-ed25519 AAAA c" ]; };
              bob.openssh.authorizedKeys.keys = [ "ssh-ed25519 AAAA d" ];
            };
            fileSystems."/" = { device = "/dev/vda1"; fsType = "ext4"; neededForBoot = true; options = throw "not asked for"; };
            fileSystems."/data" = { device = throw "unknown"; fsType = "nfs4"; neededForBoot = false; };
            boot.initrd.luks.devices.cryptroot.device = "/dev/vda2";
            deployment = { targetHost = "full.example.org"; targetPort = null; tags = [ "web" ]; };
            warnings = [ "The option `bar' is old." ];
          };
        };
        # Evaluates; only what is read beside the toplevel does not.
        odd = { config = { system.build.toplevel = system "odd" [ ] { }; networking.hostName = abort "nobody asks me"; }; };
        lying.config = { system.build.toplevel = system "lying" [ ] { }; networking.hostName = { a = 1; }; networking.firewall = "on"; warnings = 7; users.users = [ ]; fileSystems = { "/" = 3; }; };

        broken = host "broken" [ (sh "broken-1.0" "for i in 1 2 3; do echo line $i; done; echo 'ld: cannot find -lfoo' >&2; exit 2" { }) ];
        broken-toplevel.config.system.build.toplevel = system "broken-toplevel" [ ] { args = [ "-c" "echo no room for grub >&2; exit 7" ]; };
        shared-a = host "shared-a" [ library shared ];
        shared-b = host "shared-b" [ (sh "between-1" "echo $shared > $out" { inherit shared; }) ];
        foreign.config.system.build.toplevel = system "foreign" [ ] { system = "aarch64-linux"; };
        wrong-hash = host "wrong-hash" [ (sh "source-1.tar" "echo changed > $out" { outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "0000000000000000000000000000000000000000000000000000"; }) ];
        full-disk = host "full-disk" [ (sh "full-disk-1" "echo 'cp: error writing: No space left on device' >&2; exit 1" { }) ];
        silent = host "silent" [ (sh "silent-1" "exit 0" { }) ];
        not-nixos.config.system.build.toplevel = sh "not-nixos" "mkdir $out; echo hello > $out/hello" { };
        slow = host "slow" [ (sh "slow-1" "sleep 600; echo > $out" { }) ];

        throwing = host "throwing" [ (throw "The option `services.foo' is wrong") ];
        asserting.config.system.build.toplevel = throw "\nFailed assertions:\n- The fileSystems option does not specify your root file system.\n- You must set boot.loader.grub.devices";
        missing.config.system.build = { };
        attribute = host "attribute" [ { }.nothing ];
        recursive = let x = host "recursive" [ x.config.system.build.toplevel ]; in x;
        aborting = host "aborting" [ (abort "stop here") ];
        text.config.system.build.toplevel = "nixos";
        forged.config.system.build.toplevel = { type = "derivation"; drvPath = "--option"; outPath = "/etc/passwd"; system = "x86_64-linux"; };
        endless = host "endless" [ (let many = genList (x: x) 100000; in "${toString (foldl' (sum: _: foldl' (all: _: all + 1) sum many) 0 many)}") ];
      };
      deploy.nodes.full = { hostname = "203.0.113.7"; sshUser = "deploy"; };
      deployGate = { hosts.plain.deploy = true; };
    };
}
