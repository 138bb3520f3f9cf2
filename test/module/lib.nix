# As much of nixpkgs' lib as the module uses, in the way in which nixpkgs does it: options are declared, definitions of several modules are merged by the option's
# type, mkIf and mkMerge are resolved first, and a value of the wrong type or for an option that nobody declared is an error.
let
  inherit (builtins)
    all
    any
    attrNames
    attrValues
    concatLists
    concatMap
    elem
    elemAt
    filter
    foldl'
    head
    isAttrs
    isBool
    isFunction
    isInt
    isList
    isString
    length
    listToAttrs
    map
    mapAttrs
    match
    replaceStrings
    split
    toJSON
    typeOf
    ;

  fail = path: problem: throw "The option `${concatStringsSep "." path}' ${problem}.";
  concatStringsSep = builtins.concatStringsSep;
  unique = list: foldl' (found: one: if elem one found then found else found ++ [ one ]) [ ] list;

  # Definitions as they are after mkIf, mkMerge and mkOrder: a list of { value, order }.
  discharge =
    value:
    if isAttrs value && value ? _type then
      {
        "if" = if value.condition then discharge value.content else [ ];
        merge = concatMap discharge value.contents;
        order = map (one: one // { order = value.priority; }) (discharge value.content);
      }
      .${value._type}
    else
      [
        {
          inherit value;
          order = 1000;
        }
      ];

  # A condition around a set stands around each of its values instead, so that which options a module defines never depends on what another says.
  pushDown =
    value:
    if isAttrs value && value ? _type then
      {
        "if" = map (mapAttrs (_: lib.mkIf value.condition)) (pushDown value.content);
        merge = concatMap pushDown value.contents;
        order = map (mapAttrs (_: content: value // { inherit content; })) (pushDown value.content);
      }
      .${value._type}
    else
      [ value ];

  one =
    check: name:
    {
      merge =
        path: values:
        let
          distinct = unique values;
        in
        if !(all check values) then
          fail path "is not ${name}: ${toJSON (map typeOf values)} ${toJSON (filter isString values)}"
        else if length distinct != 1 then
          fail path "is defined as several things"
        else
          head distinct;
    };

  types = rec {
    bool = one isBool "a boolean";
    str = one isString "a string";
    singleLineStr = one (value: isString value && match "[^\n\r]*\n?" value != null) "a string of one line";
    package = one (value: isAttrs value && (value ? outPath || value.type or "" == "derivation")) "a package";
    raw = one (_: true) "anything";
    strMatching = pattern: one (value: isString value && match pattern value != null) "a string that matches ${pattern}";
    enum = allowed: one (value: elem value allowed) "one of ${toJSON allowed}";
    ints.between = least: most: one (value: isInt value && least <= value && value <= most) "a number from ${toString least} to ${toString most}";
    lines = {
      merge = path: values: if all isString values then concatStringsSep "\n" values else fail path "is not text";
    };
    nullOr = type: {
      merge = path: values: if all isNull values then null else type.merge path values;
    };
    listOf = type: {
      merge =
        path: values:
        if all isList values then map (value: type.merge path (map (each: each.value) (discharge value))) (concatLists values) else fail path "is not a list";
    };
    attrsOf = type: {
      ${if type ? inner then "inner" else null} = type.inner;
      merge =
        path: values:
        if !(all isAttrs values) then
          fail path "is not a set"
        else
          listToAttrs (
            concatMap (
              name:
              let
                defined = sorted (concatMap (set: if set ? ${name} then discharge set.${name} else [ ]) values);
              in
              if defined == [ ] then
                [ ]
              else
                [
                  {
                    inherit name;
                    value = type.merge (path ++ [ name ]) defined;
                  }
                ]
            ) (unique (concatMap attrNames values))
          );
    };
    submodule = module: {
      # What it declares, for those who list options.
      inner = (evaluate [ ] [ module ] { name = "NAME"; }).options;
      merge = path: values: (evaluate path ([ module ] ++ map (value: { config = value; }) values) { name = elemAt path (length path - 1); }).config;
    };
  };
  isNull = value: value == null;

  # mkBefore, the rest, mkAfter: each in the order in which it was written.
  sorted = defined: map (each: each.value) (builtins.sort (a: b: a.order < b.order) defined);

  isOption = value: isAttrs value && value._type or "" == "option";

  # Several modules declare below one path.
  mergeOptions =
    path: sets:
    listToAttrs (
      map (
        name:
        let
          here = map (set: set.${name}) (filter (set: set ? ${name}) sets);
        in
        {
          inherit name;
          value =
            if !(isOption (head here)) then
              mergeOptions (path ++ [ name ]) here
            else if length here == 1 then
              head here
            else
              fail (path ++ [ name ]) "is declared twice";
        }
      ) (unique (concatMap attrNames sets))
    );

  # The definitions below a set of options: those of every module, each set opened one step at a time.
  configOf =
    path: options: definitions:
    let
      known = attrNames options;
      opened = concatMap pushDown definitions;
      unknown = filter (name: !(elem name known)) (unique (concatMap attrNames opened));
    in
    if unknown != [ ] then
      fail (path ++ [ (head unknown) ]) "does not exist"
    else
      mapAttrs (
        name: option:
        let
          here = concatMap (set: if set ? ${name} then [ set.${name} ] else [ ]) opened;
          defined = concatMap discharge here;
          at = path ++ [ name ];
        in
        if !(isOption option) then
          configOf at option here
        else if defined == [ ] then
          option.default or (fail at "is used but not defined")
        else
          option.type.merge at (sorted defined)
      ) options;

  collect =
    arguments: module:
    let
      opened = if isFunction module then module arguments else if builtins.isPath module || isString module then import module else module;
    in
    if isFunction opened then
      collect arguments opened
    else
      [ opened ] ++ concatMap (collect arguments) (opened.imports or [ ]);

  evaluate =
    path: modules: special:
    let
      arguments = special // {
        inherit
          config
          lib
          options
          ;
      };
      all = concatMap (collect arguments) modules;
      options = mergeOptions path (map (module: module.options or { }) all);
      # Without "config" and "options" the whole module is its configuration, save what it imports.
      short = module: !(module ? config || module ? options);
      config = configOf path options (map (module: if short module then removeAttrs module [ "imports" ] else module.config or { }) all);
    in
    {
      inherit config options;
    };

  lib = {
    inherit
      all
      any
      attrNames
      attrValues
      concatLists
      concatMap
      concatStringsSep
      elem
      filter
      head
      mapAttrs
      replaceStrings
      types
      ;
    mkOption = declared: declared // { _type = "option"; };
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkAfter = content: {
      _type = "order";
      priority = 1500;
      inherit content;
    };
    mkBefore = content: {
      _type = "order";
      priority = 500;
      inherit content;
    };
    literalExpression = text: text;
    optionalAttrs = condition: set: if condition then set else { };
    optionalString = condition: text: if condition then text else "";
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: list: if condition then list else [ ];
    hasSuffix =
      suffix: text:
      let
        behind = builtins.stringLength text - builtins.stringLength suffix;
      in
      behind >= 0 && builtins.substring behind (builtins.stringLength suffix) text == suffix;
    genAttrs = names: make: listToAttrs (map (name: { inherit name; value = make name; }) names);
    hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
    splitString = separator: text: filter isString (split (replaceStrings [ "." "+" "*" "?" ] [ "\\." "\\+" "\\*" "\\?" ] separator) text);
    nameValuePair = name: value: { inherit name value; };
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
    evalModules = { modules, specialArgs ? { } }: evaluate [ ] modules specialArgs;
  };
in
lib
