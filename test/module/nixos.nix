# The options of NixOS that the module sets or reads, with the types and defaults that nixpkgs gives them, and the texts that NixOS makes of them. With `old`, a
# release without sudo-rs and boot counting.
{
  module,
  settings,
  old ? false,
  names ? false,
}:
let
  lib = import ./lib.nix;
  inherit (lib) mkOption types;
  free = default: mkOption { type = types.raw; inherit default; };
  bool = default: mkOption { type = types.bool; inherit default; };
  listOf = type: mkOption { type = types.listOf type; default = [ ]; };
  submodule = options: types.submodule { inherit options; };
  attrsOf = options: mkOption { type = types.attrsOf (submodule options); default = { }; };
  strings = listOf types.str;

  sudo = {
    enable = bool true;
    execWheelOnly = bool false;
    extraRules = mkOption {
      type = types.listOf (submodule {
        users = strings;
        groups = strings;
        host = mkOption { type = types.str; default = "ALL"; };
        runAs = mkOption { type = types.str; default = "ALL:ALL"; };
        commands = mkOption {
          type = types.listOf (submodule {
            command = mkOption { type = types.str; };
            options = strings;
          });
        };
      });
      default = [ ];
    };
  };

  unit = {
    description = mkOption { type = types.str; default = ""; };
    wants = strings;
    after = strings;
    before = strings;
    requires = strings;
    requiredBy = strings;
    wantedBy = strings;
    onFailure = strings;
    path = mkOption { type = types.listOf types.raw; default = [ ]; };
    unitConfig = free { };
    restartIfChanged = bool true;
    stopIfChanged = bool true;
    environment = free { };
    serviceConfig = free { };
    timerConfig = free { };
  };

  nixos = {
    options = {
      assertions = listOf types.raw;
      warnings = strings;
      users.users = attrsOf {
        isSystemUser = bool false;
        group = mkOption { type = types.str; default = ""; };
        extraGroups = strings;
        home = mkOption { type = types.str; default = "/var/empty"; };
        createHome = bool false;
        useDefaultShell = bool false;
        description = mkOption { type = types.str; default = ""; };
        openssh.authorizedKeys.keys = listOf types.singleLineStr;
      };
      users.groups = attrsOf { members = strings; };
      security = { inherit sudo; } // lib.optionalAttrs (!old) { sudo-rs = sudo // { enable = bool false; }; };
      nix.settings = mkOption { type = types.attrsOf types.raw; default = { }; };
      services.openssh = {
        enable = bool false;
        startWhenNeeded = bool false;
        settings = free { PermitRootLogin = "prohibit-password"; };
        extraConfig = mkOption { type = types.lines; default = ""; };
      };
      environment.etc = attrsOf {
        text = free null;
        source = free null;
        mode = mkOption { type = types.str; default = "symlink"; };
      };
      boot.loader.systemd-boot =
        { enable = bool false; }
        // lib.optionalAttrs (!old) {
          bootCounting.enable = bool false;
          bootCounting.tries = mkOption { type = types.ints.between 1 100; default = 3; };
        };
      # Of the examples, as they are.
      nixpkgs = free { };
      networking.firewall = free { };
      services.nginx = free { };
      services.postgresql = free { };
      services.prometheus = free { };
      networking.hostName = mkOption { type = types.str; default = "nixos"; };
      systemd.package = free "/nix/store/00000000000000000000000000000000-systemd";
      systemd.services = attrsOf unit;
      systemd.timers = attrsOf unit;
    };
  };

  # Enough of pkgs for the package to be told from nothing.
  pkgs.curl = "/nix/store/00000000000000000000000000000000-curl";
  pkgs.coreutils = "/nix/store/00000000000000000000000000000000-coreutils";
  pkgs.writeScript = name: _text: "/nix/store/00000000000000000000000000000000-${name}";
  pkgs.callPackage = _file: _arguments: { type = "derivation"; outPath = "/nix/store/00000000000000000000000000000000-nixos-deploy-gate"; };

  evaluated = lib.evalModules {
    modules = [ nixos module (if settings ? imports then settings else { config = settings; }) ];
    specialArgs = { inherit pkgs; };
  };
  inherit (evaluated) config;

  # As nixos/modules/security/sudo.nix writes a rule.
  sudoRule =
    rule:
    let
      tags = options: lib.concatStringsSep "" (map (option: "${option}:") options);
      commands = lib.concatStringsSep ", " (map (one: "${tags one.options} ${one.command}") rule.commands);
      who = rule.users ++ map (group: "%${group}") rule.groups;
    in
    lib.concatStringsSep "\n" (map (name: "${name}\t${rule.host}=(${rule.runAs})\t${commands}") who);

  # Of the module itself, those within a submodule as "NAME" below their own.
  optionNames =
    prefix: options:
    lib.concatLists (
      lib.mapAttrsToList (
        name: option:
        let
          at = "${prefix}${name}";
        in
        if option._type or "" != "option" then
          optionNames "${at}." option
        else
          [ at ] ++ (if option.type ? inner then optionNames "${at}.NAME." option.type.inner else [ ])
      ) options
    );
in
if names then
  optionNames "" evaluated.options.services.nixos-deploy-gate
else
{
  failed = map (each: each.message) (lib.filter (each: !each.assertion) config.assertions);
  inherit (config) warnings users;
  systemd = { inherit (config.systemd) services timers; };
  etc = lib.mapAttrs (_: each: { inherit (each) mode text; source = if each.source == null then null else toString each.source; }) config.environment.etc;
  loader = config.boot.loader.systemd-boot;
  sshd = config.services.openssh.extraConfig;
  sudoers = lib.concatStringsSep "\n" (map sudoRule config.security.sudo.extraRules);
  authorizedKeys = lib.mapAttrs (_: user: lib.concatStringsSep "\n" user.openssh.authorizedKeys.keys) config.users.users;
}
