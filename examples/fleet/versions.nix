# Where a real fleet has nixpkgs: one version a package, for all hosts.
{
  linux = "6.12.40";
  systemd = "257.7";
  glibc = "2.40-66";
  bash = "5.2p37";
  coreutils = "9.7";
  openssh = "10.0p2";
  openssl = "3.4.1";
  curl = "8.14.1";
  git = "2.49.1";
  nginx = "1.28.0";
  forgejo = "11.0.3";
  restic = "0.18.0";
  resticHash = "ca291320e9e18d7684683e2518a16f6498b135bf826177cd5450ae2b29daeef9";
  htop = "3.4.0";
  zlib = "1.3.1";
  dbus = "1.14.10";
  nix = "2.28.4";
  firmware = "20250708";
}
