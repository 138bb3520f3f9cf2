import { needed } from "../drivers.ts";
import { ask, type Rule, type RuleContext, type Sighting } from "../rule.ts";
import { atLeast, step } from "../version-step.ts";

export const kernelChanged: Rule = {
  id: "kernel",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "Another kernel",
  hazard: "The running kernel stays until the host boots; fixes in the new one do not hold before that.",
  check: "Is there a window for the boot?",
  see: ({ diff }): Sighting[] => {
    const { kernel, kernelModules } = diff.system;
    if (kernel.changed)
      return [{ subject: "kernel", from: kernel.from, to: kernel.to, evidence: [`${kernel.from ?? "none"} → ${kernel.to ?? "none"}`] }];
    if (kernelModules.changed)
      return [
        {
          subject: "kernel modules",
          from: kernelModules.from,
          to: kernelModules.to,
          evidence: [kernelModules.note ?? "the tree of kernel modules differs"],
        },
      ];
    return [];
  },
};

export const kernelSeries: Rule = {
  id: "kernel-series",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "The kernel changes its series or goes back",
  hazard: "Drivers, defaults and names of devices differ between series; what worked may not come up after the boot.",
  check: "Do out-of-tree modules build for it, has another host of this hardware booted it, and can you reach the console?",
  see: ({ diff }): Sighting[] => {
    const { kernel } = diff.system;
    if (!kernel.changed || (kernel.series !== "changed" && kernel.direction !== "down")) return [];
    return [
      {
        subject: "kernel",
        from: kernel.from,
        to: kernel.to,
        evidence: [kernel.series === "changed" ? "another series" : "an older version"],
      },
    ];
  },
};

export const kernelGone: Rule = {
  id: "kernel-gone",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "boot-only",
  title: "The system has no kernel or no initrd any more",
  hazard: "A boot entry without kernel or initrd does not start.",
  check: "Has this host become a container?",
  see: ({ before, after }): Sighting[] => [
    ...(before?.kernel !== undefined && after.kernel === undefined ? [{ subject: "kernel", from: before.kernel.version, to: "none" }] : []),
    ...(before?.initrd !== undefined && after.initrd === undefined ? [{ subject: "initrd", from: "present", to: "none" }] : []),
  ],
};

/** Parameters that stop the boot before the system is up, take its root away or hide a device. */
const stops =
  /^(init=|rdinit=|single$|s$|S$|1$|emergency$|rescue$|rd\.break(=|$)|break(=|$)|systemd\.unit=|rd\.systemd\.unit=|root=|rootfstype=|rootflags=|resume=|ip=|luks(\.|=)|rd\.luks|cryptdevice=|zfs=|boot\.shell_on_fail|boot\.debug1|boot\.trace|systemd\.mask=|rd\.systemd\.mask=|systemd\.unified_cgroup_hierarchy=|module_blacklist=|modprobe\.blacklist=|rd\.driver\.blacklist=|initcall_blacklist=|acpi=off|noapic|nolapic|maxcpus=|nosmp|mem=|memmap=|pci=off|usbcore\.nousb|nousb|lockdown=|fips=|crashkernel=|ro$|systemd\.volatile=|overlayroot)/;
const touchesDriver = /^(module_blacklist|modprobe\.blacklist|rd\.driver\.blacklist|initcall_blacklist)=(.+)$/;

export const kernelParams: Rule = {
  id: "kernel-params",
  family: "kernel-and-boot",
  verdict: "reboot",
  title: "Other kernel parameters",
  hazard: "Kernel parameters are read once, at boot.",
  check: "Is every parameter spelled as the kernel or the module expects it?",
  see: ({ diff }): Sighting[] => {
    const { kernelParams: params } = diff.system;
    return params.changed
      ? [
          {
            subject: "kernel parameters",
            // Where only their order changed there is nothing to name.
            ...(params.removed.length + params.added.length === 0 ? {} : { from: params.removed.join(" "), to: params.added.join(" ") }),
            evidence: [...params.removed.map((word) => `- ${word}`), ...params.added.map((word) => `+ ${word}`)],
          },
        ]
      : [];
  },
};

export const bootStoppingParam: Rule = {
  id: "boot-stopping-param",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "A kernel parameter that can stop the boot",
  hazard: "The next boot ends in another init, in single-user mode, or without a device that it needs.",
  check: "Try it once from the boot menu with a console at hand.",
  see: ({ diff, facts }): Sighting[] => {
    const { added, removed, changedKeys } = diff.system.kernelParams;
    const words = [
      ...added.map((word) => `+ ${word}`),
      ...removed.map((word) => `- ${word}`),
      ...changedKeys.map((change) => `+ ${change.key}=${change.to}`),
    ];
    const bad = [...new Set(words)].filter((word) => {
      const name = word.slice(2);
      const drivers = touchesDriver.exec(name)?.[2];
      if (drivers !== undefined) return word.startsWith("+") && drivers.split(",").some((driver) => needed(driver, facts.uplinkDriver));
      // NixOS writes init= itself where there is no boot loader entry; anything else on the line replaces it.
      if (/^(init=\/nix\/store\/|crashkernel=|ro$|lockdown=)/.test(name)) return false;
      // What stops a boot is harmless when it goes; what names the root or opens it is not.
      return (
        stops.test(name) &&
        (word.startsWith("+") || /^(root=|rootfstype=|rootflags=|ip=|luks|rd\.luks|cryptdevice=|zfs=|resume=)/.test(name))
      );
    });
    return bad.length === 0 ? [] : [{ subject: "kernel parameters", evidence: bad }];
  },
};

export const bootSpace: Rule = {
  id: "boot-space",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "/boot may be too small for the new kernel and initrd",
  hazard: "The boot loader's installer fails half way: the profile is set, the boot entry is not, and /boot may be left full.",
  check: "Free space on /boot: lower the number of generations that are kept, or collect garbage and switch once more.",
  see: (context: RuleContext): Sighting[] => {
    const { diff, after, facts } = context;
    const bytes =
      (diff.system.kernel.changed ? (after.kernel?.bytes ?? 0) : 0) + (diff.system.initrd.changed ? (after.initrd?.bytes ?? 0) : 0);
    if (bytes === 0 || after.bootLoader.kind === "none") return [];
    const megabytes = Math.ceil(bytes / 1_000_000);
    const answer = facts.bootFreeBytes === undefined ? undefined : facts.bootFreeBytes < bytes;
    const asked = ask(context, {
      fact: "bootFreeBytes",
      when: `/boot has under ${megabytes} MB free`,
      answer,
      plain: "reboot",
      careful: "risky",
    });
    if (asked.verdict === "reboot" && asked.settledBy === undefined) return [];
    const free = facts.bootFreeBytes === undefined ? [] : [`${Math.floor(facts.bootFreeBytes / 1_000_000)} MB free`];
    return [
      { subject: "/boot", evidence: [`needs ${megabytes} MB`, ...free, ...asked.note], verdict: asked.verdict, settledBy: asked.settledBy },
    ];
  },
};

/** systemd drops what it announced long before: cgroup v1 in 258, split /usr, System V scripts. */
export const systemdMajor: Rule = {
  id: "systemd-major",
  family: "kernel-and-boot",
  verdict: "risky",
  mode: "switch-then-reboot",
  title: "Another major version of systemd",
  hazard: "PID 1 re-executes into a version that dropped features, and units, cgroups or the container host may not fit it.",
  check: "Read its NEWS; in containers check cgroup v2 on the outer host.",
  see: ({ before, after }): Sighting[] => {
    const [from, to] = [before?.systemd?.version, after.systemd?.version];
    if (from === undefined || to === undefined) return [];
    const by = step(from, to);
    return atLeast(by.level, "major") || (by.down && by.level !== "none")
      ? [{ subject: "systemd", from, to, evidence: [`${from} → ${to}`] }]
      : [];
  },
};

export const kernelRules: readonly Rule[] = [
  kernelChanged,
  kernelSeries,
  kernelGone,
  kernelParams,
  bootStoppingParam,
  bootSpace,
  systemdMajor,
];
