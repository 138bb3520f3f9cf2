import { afterAll, describe, expect, test } from "vitest";
import { diffBootLoaderSettings, installerOf, readBootLoader } from "../../src/diff/boot-loader.ts";
import type { BootLoader } from "../../src/diff/system.ts";
import { ThrowawayStore } from "./throwaway-store.ts";

const store = new ThrowawayStore();
afterAll(() => store.remove());

const loader = (installer: string): BootLoader =>
  readBootLoader(store.files, `#!/bin/sh\nexport OUT='x'\nexport INSTALL_BOOTLOADER='${installer}'\n`);
const systemdBoot = (settings: string, systemd = "258.1"): BootLoader => {
  const builder = store.file(
    "systemd-boot",
    `#!/usr/bin/python3\nSYSTEMD = "${store.path(`systemd-${systemd}`)}"\n${settings}\ndef main() -> None:\n    pass\n`,
  );
  return loader(store.file("install-systemd-boot.sh", `#!${store.path("bash-5.3")}/bin/bash\n${builder} "$@"\n`));
};
const grub = (devices: readonly string[], timeout = 5): BootLoader => {
  const config = store.file(
    "grub-config.xml",
    `<?xml version='1.0' encoding='utf-8'?>\n<expr>\n  <attrs>\n    <attr name="devices">\n      <list>\n${devices.map((device) => `        <string value="${device}" />\n`).join("")}      </list>\n    </attr>\n    <attr name="timeout">\n      <int value="${timeout}" />\n    </attr>\n  </attrs>\n</expr>\n`,
  );
  return loader(store.file("install-grub.sh", `#!/bin/sh\nperl ${store.file("install-grub.pl", "use strict;\n")} ${config} $@\n`));
};

describe("the installer", () => {
  test.each([
    ["export INSTALL_BOOTLOADER='/nix/store/x-install-grub.sh'", "/nix/store/x-install-grub.sh"],
    ['INSTALL_BOOTLOADER="/a b" exec x', "/a b"],
    ["chomp(my $installBootLoader = <<'EOFBOOTLOADER');\n/nix/store/x-install-grub.sh\nEOFBOOTLOADER\n", "/nix/store/x-install-grub.sh"],
    ["nothing", undefined],
  ])("%j", (text, expected) => expect(installerOf(text)).toBe(expected));
});

describe("the kind", () => {
  test("is told by the installer and what it names", () => {
    expect(systemdBoot("").kind).toBe("systemd-boot");
    expect(grub([]).kind).toBe("grub");
    expect(loader(store.file("lanzaboote-install", "#!/bin/sh\nlzbt-systemd install --configuration-limit 5\n")).kind).toBe("lanzaboote");
    expect(loader(store.file("extlinux-conf-builder.sh", "#!/bin/sh\n")).kind).toBe("extlinux");
    expect(loader("/nix/store/x-coreutils-9.8/bin/true").kind).toBe("none");
    expect(loader(store.path("gone")).kind).toBe("unknown");
    expect(readBootLoader(store.files, undefined).kind).toBe("unknown");
    expect(loader("/etc/passwd").settings.size).toBe(0);
  });
});

describe("settings", () => {
  test("by key, of scripts", () => {
    expect(diffBootLoaderSettings(systemdBoot('TIMEOUT = "5"'), systemdBoot('TIMEOUT = "15"\nBOOT_COUNTING = True'))).toEqual([
      { key: "BOOT_COUNTING", from: undefined, to: "True" },
      { key: "TIMEOUT", from: "5", to: "15" },
    ]);
  });

  test("by key, of GRUB's XML", () => {
    expect(diffBootLoaderSettings(grub(["/dev/vda"], 5), grub(["/dev/vda", "/dev/vdb"], 5))).toEqual([
      { key: "devices", from: "/dev/vda", to: "/dev/vda, /dev/vdb" },
    ]);
    expect(diffBootLoaderSettings(grub(["/dev/vda"], 5), grub(["/dev/vda"], 0))).toEqual([{ key: "timeout", from: "5", to: "0" }]);
  });

  test("other lines stand under their file", () => {
    const [before, after] = [systemdBoot("print(1)"), systemdBoot("print(2)")];
    expect(diffBootLoaderSettings(before, after)).toEqual([{ key: "systemd-boot", from: "print(1)", to: "print(2)" }]);
  });

  test("hashes and the versions of packages that are named are no settings", () => {
    expect(diffBootLoaderSettings(systemdBoot('TIMEOUT = "5"', "258.1"), systemdBoot('TIMEOUT = "5"', "258.2"))).toEqual([]);
  });
});
