/**
 * What is read of a host's configuration beside its toplevel: what its closure does not say and rules, targets and reports ask for. A Nix function of
 * `{ flake, name, config }` to plain data.
 *
 * A configuration is whatever the flake says it is, down to `{ config.system.build.toplevel = …; }`. So every path is walked with `?`, what throws is left out
 * (`tryEval` catches throw and assert, not abort or a missing attribute), types are looked at before values are, and nothing is forced deeper than the leaf that
 * is asked for: an option that holds a package would otherwise drag in the whole package set. No key may be called outPath or __toString: `nix eval --json` of a
 * set that has one prints only that string.
 */
export const factsExpression = `
{ flake, name, config }:
let
  inherit (builtins) attrNames attrValues concatMap elem filter head isAttrs isBool isInt isList isString length listToAttrs map mapAttrs tail toString tryEval unsafeDiscardStringContext;
  force = fallback: value: let tried = tryEval value; in if tried.success then tried.value else fallback;
  walk = value: path: if path == [ ] then value else if isAttrs value && value ? \${head path} then walk value.\${head path} (tail path) else null;
  from = value: path: force null (walk value path);
  plain = value: path: let v = from value path; in if isString v then unsafeDiscardStringContext v else if isBool v || isInt v then v else null;
  members = test: value: path: let v = from value path; in if isList v then filter test (map (force null) v) else [ ];
  strings = value: path: map unsafeDiscardStringContext (members isString value path);
  ints = members isInt;
  set = value: path: let v = from value path; in if isAttrs v then v else { };
  known = facts: removeNull (attrNames facts) facts;
  removeNull = keys: facts: listToAttrs (concatMap (key: if facts.\${key} == null then [ ] else [ { name = key; value = facts.\${key}; } ]) keys);
  range = value: let low = plain value [ "from" ]; high = plain value [ "to" ]; in { from = low; to = high; };
  ports = value: {
    tcp = ints value [ "allowedTCPPorts" ];
    udp = ints value [ "allowedUDPPorts" ];
    tcpRanges = map range (members isAttrs value [ "allowedTCPPortRanges" ]);
    udpRanges = map range (members isAttrs value [ "allowedUDPPortRanges" ]);
  };
  deployment = value: known {
    address = plain value [ "targetHost" ];
    user = plain value [ "targetUser" ];
    port = plain value [ "targetPort" ];
    tags = strings value [ "tags" ];
  };
  users = set config [ "users" "users" ];
  wheel = strings config [ "users" "groups" "wheel" "members" ];
  may = user: elem "wheel" (strings users [ user "extraGroups" ]) || elem user wheel;
  keyCount = user: length (strings users [ user "openssh" "authorizedKeys" "keys" ]) + length (members (v: v != null) users [ user "openssh" "authorizedKeys" "keyFiles" ]);
  node = set flake [ "deploy" "nodes" name ];
in known {
  hostName = plain config [ "networking" "hostName" ];
  stateVersion = plain config [ "system" "stateVersion" ];
  release = plain config [ "system" "nixos" "release" ];
  isContainer = plain config [ "boot" "isContainer" ];
  deployRs = if node == { } then null else known {
    address = plain node [ "hostname" ];
    user = let own = plain node [ "sshUser" ]; in if own == null then plain flake [ "deploy" "sshUser" ] else own;
  };
  hive = let own = set config [ "deployment" ]; raw = set flake [ "colmena" name "deployment" ]; in
    if own != { } then deployment own else if raw != { } then deployment raw else null;
  fileSystems = mapAttrs (mountPoint: value: known {
    device = plain value [ "device" ];
    fsType = plain value [ "fsType" ];
    neededForBoot = plain value [ "neededForBoot" ];
  }) (set config [ "fileSystems" ]);
  luksDevices = attrNames (set config [ "boot" "initrd" "luks" "devices" ]);
  initrdSsh = plain config [ "boot" "initrd" "network" "ssh" "enable" ];
  network = known {
    networkd = plain config [ "networking" "useNetworkd" ];
    networkManager = plain config [ "networking" "networkmanager" "enable" ];
    dhcp = plain config [ "networking" "useDHCP" ];
  };
  firewall = let own = set config [ "networking" "firewall" ]; in if own == { } then null else known (ports own // {
    enable = plain own [ "enable" ];
    nftables = plain config [ "networking" "nftables" "enable" ];
    trustedInterfaces = strings own [ "trustedInterfaces" ];
    interfaces = mapAttrs (_: ports) (set own [ "interfaces" ]);
  });
  sshd = let own = set config [ "services" "openssh" ]; in if own == { } then null else known {
    enable = plain own [ "enable" ];
    openFirewall = plain own [ "openFirewall" ];
    ports = ints own [ "ports" ];
    permitRootLogin = plain own [ "settings" "PermitRootLogin" ];
  };
  keys = { root = keyCount "root"; } // listToAttrs (map (user: { name = user; value = keyCount user; }) (filter (user: user != "root" && may user) (attrNames users)));
  warnings = strings config [ "warnings" ];
}
`;
