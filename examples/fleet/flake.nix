{
  description = "A small fleet, shaped like NixOS but without nixpkgs, so that it evaluates and builds in seconds and offline";

  outputs =
    { self }:
    let
      lib = import ./lib/system.nix;
      hosts = {
        web1 = import ./hosts/web1.nix;
        db1 = import ./hosts/db1.nix;
        nas1 = import ./hosts/nas1.nix;
        git1 = import ./hosts/git1.nix;
        backup1 = import ./hosts/backup1.nix;
        lab1 = import ./hosts/lab1.nix;
      };
    in
    {
      nixosConfigurations = builtins.mapAttrs lib.nixosSystem hosts;

      # What the gate may do. Hosts that are not named here are built, compared and reported, and never touched.
      deployGate = {
        hosts = {
          web1.deploy = true;
          db1.deploy = true;
          nas1.deploy = true;
          git1.deploy = true;
          backup1.deploy = true;
        };
      };
    };
}
