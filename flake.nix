{
  description = "NixOS deploy gate: says what a change does to every machine before it is done, then does it, supervised and proven";

  # No inputs: what is built here is built with the nixpkgs of whoever uses it, so that their lock file gains one line and no second nixpkgs.
  outputs =
    { self }:
    {
      # For a machine that is deployed to, and for one that runs the gate on a timer: see docs/nixos-module.md.
      nixosModules.default = ./nix/module.nix;

      # pkgs.nixos-deploy-gate
      overlays.default = final: _prev: { nixos-deploy-gate = final.callPackage ./nix/package.nix { }; };

      # The same without an overlay: inputs.nixos-deploy-gate.lib.package pkgs
      lib.package = pkgs: pkgs.callPackage ./nix/package.nix { };
    };
}
