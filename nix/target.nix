# A machine that is deployed to: the user whom the gate logs in as.
{
  config,
  lib,
  options,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.services.nixos-deploy-gate.target;
  isRoot = cfg.user == "root";
  ssh = config.services.openssh;
  setting = name: ssh.settings.${name} or null;
  prefix = "services.nixos-deploy-gate.target";

  # Words in front of a key are options of sshd: a second "command" or a "no-restrict" would undo the first.
  isKey = key: builtins.match "(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+=*( [^\n\r]*)?" key != null;
  isTrusted = key: builtins.match "[A-Za-z0-9._-]+:[A-Za-z0-9+/]{43}=" key != null;
  isPattern = pattern: builtins.match "!?[A-Za-z0-9.:*?/_-]+" pattern != null;
  from = lib.optionalString (cfg.allowedFrom != [ ]) '',from="${lib.concatStringsSep "," cfg.allowedFrom}"'';

  # sshd takes patterns here; only plain names are understood, which is what nearly everybody writes.
  names = list: map (pattern: builtins.head (lib.splitString "@" pattern)) list;

  # By whom the daemon could trust the user, and sudo let it be anybody.
  groups =
    [ config.users.users.${cfg.user}.group ]
    ++ config.users.users.${cfg.user}.extraGroups or [ ]
    ++ builtins.filter (name: lib.elem cfg.user (config.users.groups.${name}.members or [ ])) (builtins.attrNames config.users.groups);
  trusted = config.nix.settings.trusted-users or [ ] ++ config.nix.settings.extra-trusted-users or [ ];

  # The gate runs /bin/sh as root and gives it programs: a rule for that one command would look like a limit and be none.
  rule = {
    users = [ cfg.user ];
    runAs = "root";
    commands = [
      {
        command = if cfg.helper.enable then "/etc/nixos-deploy-gate/helper serve" else "ALL";
        options = [ "NOPASSWD" ];
      }
    ];
  };
in
{
  options.services.nixos-deploy-gate.target = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = "Whether nixos-deploy-gate may deploy to this machine: a user it logs in as, its keys and its rights.";
    };

    user = mkOption {
      type = types.strMatching "[a-z_][a-z0-9_-]{0,31}";
      default = "deploy";
      example = "root";
      description = ''
        Whom the gate logs in as; the same as deployGate.apply.user or hosts.<name>.target.user of the policy. The user is made here, with no password, unless it is root.

        **Whoever holds one of `authorizedKeys` is root on this machine**, whatever the user's name is: to bring in a system is to run programs of it as root. The name only keeps
        root's own login free for people, or forbidden.
      '';
    };

    grantsRoot = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Must be set to true unless there is the helper: it says that the keys in `authorizedKeys` are meant to be root on this machine.
      '';
    };

    helper = {
      enable = mkOption {
        type = types.bool;
        default = false;
        description = ''
          Instead of making the deploy key root: it can have a root helper of this machine do what a deploy needs, and nothing else, and only with systems that are signed by one of `trustedKeys`. The policy says
          `hosts.<name>.target.helper = true`, and deployGate.apply.copy.signingKeyFile names the key that signs. docs/nixos-module.md says what does not work then.
        '';
      };

      trustedKeys = mkOption {
        type = types.listOf types.singleLineStr;
        default = [ ];
        example = [ "deploy-1:oHw9…=" ];
        description = ''
          Public keys as `nix key convert-secret-to-public` prints them. A system with a signature by one of them is brought in for whoever holds a deploy key, an old one too; a key is taken away by taking it
          out of this list. The keys are added to nix.settings.trusted-public-keys, so that the store takes what they signed.
        '';
      };
    };

    authorizedKeys = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI… gate" ];
      description = ''
        Public keys of the gate, without options in front. They are let in with `restrict`: no terminal, no forwarding of ports, agents or X11, no ~/.ssh/rc. Two keys at most while one replaces
        the other; people have accounts of their own.
      '';
    };

    allowedFrom = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "10.0.0.0/24" "2001:db8::7" ];
      description = "Where these keys are good from, as sshd's `from=` takes it: addresses, networks, patterns. Empty: from everywhere.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.grantsRoot || cfg.helper.enable;
        message = ''
          Whoever holds a key of ${prefix}.authorizedKeys is root on this machine, since deploying runs programs of a new system as root.
          Say that this is meant: ${prefix}.grantsRoot = true; or see ${prefix}.helper.
        '';
      }
      {
        assertion = cfg.authorizedKeys != [ ];
        message = "${prefix}.authorizedKeys is empty, so that the gate could not log in. Put the public half of the deploy key there.";
      }
      {
        assertion = lib.all isKey cfg.authorizedKeys;
        message = ''
          ${prefix}.authorizedKeys takes public keys as ssh-keygen writes them ("ssh-ed25519 AAAA… comment"), without options in front; the module adds its own.
        '';
      }
      {
        assertion = lib.all isPattern cfg.allowedFrom;
        message = "${prefix}.allowedFrom takes addresses, networks and patterns of sshd, one a string, without commas, quotes or spaces.";
      }
      {
        assertion = ssh.enable;
        message = "${prefix} needs services.openssh.enable = true: the gate comes over ssh.";
      }
      {
        assertion = isRoot -> !(lib.elem (setting "PermitRootLogin") [ "no" "forced-commands-only" ]);
        message = ''${prefix}.user is root, whom services.openssh.settings.PermitRootLogin does not let in. Use another user, or "prohibit-password".'';
      }
      {
        assertion = setting "PubkeyAuthentication" != false;
        message = "${prefix} needs services.openssh.settings.PubkeyAuthentication: the gate has a key and nothing else.";
      }
      {
        assertion = setting "AllowUsers" == null || lib.elem cfg.user (names (setting "AllowUsers"));
        message = ''services.openssh.settings.AllowUsers does not let ${cfg.user} in. Add "${cfg.user}" to it.'';
      }
      {
        assertion = setting "DenyUsers" == null || !(lib.elem cfg.user (names (setting "DenyUsers")));
        message = "services.openssh.settings.DenyUsers keeps ${cfg.user} out.";
      }
      {
        assertion = isRoot || config.security.sudo.enable || config.security.sudo-rs.enable or false;
        message = "${prefix}.user is ${cfg.user}, who becomes root by sudo. Set security.sudo.enable or security.sudo-rs.enable, or make the user root.";
      }
      {
        assertion = isRoot || !(config.security.sudo.enable && config.security.sudo.execWheelOnly or false)
          && !(config.security.sudo-rs.enable or false && config.security.sudo-rs.execWheelOnly or false);
        message = "execWheelOnly of sudo keeps ${cfg.user} from running it. Turn it off, or let ${prefix}.user be root.";
      }
      {
        assertion = cfg.helper.enable -> !isRoot && !cfg.grantsRoot;
        message = "${prefix}.helper is there so that the deploy key is not root: it needs a user who is not root, and grantsRoot = false.";
      }
      {
        assertion = cfg.helper.enable -> cfg.helper.trustedKeys != [ ] && lib.all isTrusted cfg.helper.trustedKeys;
        message = ''${prefix}.helper.trustedKeys takes at least one public key of Nix, like "deploy-1:oHw9…=".'';
      }
      {
        # Signatures are what stands between the deploy key and root.
        assertion = cfg.helper.enable -> config.nix.settings.require-sigs or true;
        message = "${prefix}.helper needs nix.settings.require-sigs: without it anybody puts anything into the store.";
      }
      {
        assertion = cfg.helper.enable -> config.nix.settings.sandbox or true == true;
        message = "${prefix}.helper needs nix.settings.sandbox = true: the deploy user may have the daemon build, and must not reach it from a builder.";
      }
      {
        assertion = cfg.helper.enable -> !(lib.any (name: lib.elem name trusted) ([ cfg.user "*" ] ++ map (name: "@${name}") groups));
        message = "nix.settings.trusted-users has ${cfg.user}, by name or by a group, who would be root by that: the daemon takes unsigned paths from those.";
      }
      {
        assertion = cfg.helper.enable -> !(lib.elem "wheel" groups);
        message = "${cfg.user} is in wheel, which sudo lets do everything: with ${prefix}.helper the user may run the helper and nothing else.";
      }
    ];

    environment.etc = lib.mkIf cfg.helper.enable {
      # A file of its own and no link: what sudo runs does not change under it while a system is activated.
      "nixos-deploy-gate/helper" = {
        source = ./helper.sh;
        mode = "0555";
      };
      "nixos-deploy-gate/trusted-keys" = {
        text = lib.concatStringsSep "\n" cfg.helper.trustedKeys + "\n";
        mode = "0444";
      };
    };
    nix.settings = lib.mkIf cfg.helper.enable { trusted-public-keys = cfg.helper.trustedKeys; };

    # For every key of the user, whoever gave it one. "Match All" ends the block, so that what another module adds below is not in it.
    services.openssh.extraConfig = lib.mkIf cfg.helper.enable (
      lib.mkAfter ''
        Match User ${cfg.user}
          ForceCommand /etc/nixos-deploy-gate/helper login
          PubkeyAuthentication yes
          PasswordAuthentication no
          KbdInteractiveAuthentication no
          AllowAgentForwarding no
          AllowStreamLocalForwarding no
          AllowTcpForwarding no
          GatewayPorts no
          PermitOpen none
          PermitListen none
          PermitTTY no
          PermitTunnel no
          X11Forwarding no
        Match All
      ''
    );

    users.users.${cfg.user} =
      {
        openssh.authorizedKeys.keys = map (key: "restrict${from} ${key}") cfg.authorizedKeys;
      }
      // lib.optionalAttrs (!isRoot) {
        isSystemUser = true;
        group = cfg.user;
        # Nobody writes there, so no ~/.ssh and no start-up file of a shell is ever found.
        home = "/var/empty";
        createHome = false;
        # sshd hands the gate's one constant command to it.
        useDefaultShell = true;
        description = "nixos-deploy-gate";
      };
    users.groups = lib.mkIf (!isRoot) { ${cfg.user} = { }; };

    # Last, so that no rule for a group of the user takes NOPASSWD away again: of sudo's rules the last that matches counts.
    security =
      {
        sudo.extraRules = lib.mkIf (!isRoot) (lib.mkAfter [ rule ]);
      }
      // lib.optionalAttrs (options.security ? sudo-rs) {
        sudo-rs.extraRules = lib.mkIf (!isRoot) (lib.mkAfter [ rule ]);
      };
  };
}
