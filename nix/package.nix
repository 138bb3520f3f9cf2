# The gate as a command. dist/ is checked in and needs nothing but Node, so there is nothing to fetch and nothing to compile.
{
  stdenvNoCC,
  nodejs,
  runtimeShell,
  coreutils,
  git,
  openssh,
}:
stdenvNoCC.mkDerivation {
  pname = "nixos-deploy-gate";
  version = (builtins.fromJSON (builtins.readFile ../package.json)).version;

  dontUnpack = true;
  dontConfigure = true;
  dontBuild = true;

  # Behind the machine's own PATH: the Nix of the machine is the one whose store is read and which speaks its daemon's protocol, and an ssh or git that
  # the operator chose stays chosen. What is missing there (a systemd unit has next to nothing in its PATH) is found here.
  installPhase = ''
    share=$out/share/nixos-deploy-gate
    mkdir -p "$out/bin" "$share"
    cp -r ${../dist} "$share/dist"
    cp -r ${../goals} "$share/goals"
    mkdir -p "$share/examples"
    cp -r ${../examples/workflows} "$share/examples/workflows"
    cp ${../package.json} "$share/package.json"
    cat >"$out/bin/nixos-deploy-gate" <<END
    #!${runtimeShell}
    export PATH="\''${PATH:+\$PATH:}/run/current-system/sw/bin:${openssh}/bin:${git}/bin:${coreutils}/bin"
    exec ${nodejs}/bin/node $share/dist/cli.js "\$@"
    END
    chmod 755 "$out/bin/nixos-deploy-gate"
  '';

  meta = {
    description = "Builds, compares, judges, deploys, reboots and proves the NixOS hosts of a flake";
    mainProgram = "nixos-deploy-gate";
  };
}
