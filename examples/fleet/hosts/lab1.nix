# A machine to play with; the policy does not hand it to the gate.
{ pkgs, ... }:
{
  packages = [ pkgs.htop ];
}
