# services.nixos-deploy-gate: what a machine needs to be deployed to, and what one needs that runs the gate on a timer. docs/nixos-module.md tells the story.
{
  imports = [
    ./target.nix
    ./boot-counting.nix
    ./timers.nix
    ./listener.nix
    ./on-failure.nix
  ];
}
