import { afterAll, describe, expect, test } from "vitest";
import type { SystemParts } from "../../src/target/observation.ts";
import { rebootNeed } from "../../src/verify/reboot-need.ts";
import { verifyHost } from "../../src/verify/verify.ts";
import { observation, World } from "./world.ts";

const world = new World();
afterAll(() => world.remove());

const [booted, next] = ["/nix/store/00000000000000000000000000000000-a", "/nix/store/11111111111111111111111111111111-b"];
const parts = (changed: Partial<SystemParts> = {}): SystemParts => ({
  kernel: "/nix/store/k/bzImage",
  initrd: "/nix/store/i/initrd",
  kernelModules: "/nix/store/m",
  firmware: "/nix/store/f",
  systemd: "/nix/store/s",
  kernelParams: "loglevel=4",
  initInterfaceVersion: "systemd 2",
  switchInhibitors: '{"dbus-implementation":"dbus"}',
  rebootTriggers: '{"kernel":"k","kernel-params":"p","firmware":"f"}',
  ...changed,
});
const host = (from: SystemParts | undefined, to: SystemParts | undefined, current = next) =>
  observation({ booted, profile: next, current, systems: { booted: from, profile: to, current: current === next ? to : from } });
const need = (from: Partial<SystemParts>, to: Partial<SystemParts>) => {
  const { needed, reasons } = rebootNeed(host(parts(from), parts(to)));
  return [needed, ...reasons.map((reason) => `${reason.part}${reason.required ? "" : "?"}`)];
};

describe("what was booted against what would boot", () => {
  test("the same parts in another toplevel need no reboot", () => {
    expect(need({}, {})).toEqual([false]);
    expect(need({}, { systemd: "/nix/store/s2" })).toEqual([false]);
  });
  test.each([
    ["kernel", { kernel: "/nix/store/k2/bzImage" }, [true, "kernel"]],
    ["modules", { kernelModules: "/nix/store/m2" }, [true, "kernel-modules"]],
    ["parameters", { kernelParams: "loglevel=4 quiet" }, [true, "kernel-params"]],
    ["init interface", { initInterfaceVersion: "systemd 3" }, [true, "init-interface"]],
    ["an initrd alone is useful and no need", { initrd: "/nix/store/i2/initrd" }, [false, "initrd?"]],
    ["firmware alone is useful and no need", { firmware: "/nix/store/f2" }, [false, "firmware?"]],
    ["a trigger", { rebootTriggers: '{"firmware":"f2","kernel":"k2"}' }, [true, "firmware"]],
    ["a trigger that only the new release has says nothing", { rebootTriggers: '{"kernel":"k","own":"x"}' }, [false]],
  ])("%s", (_, to, expected) => expect(need({}, to)).toEqual(expected));

  test("the same toplevel is never compared by its parts", () => {
    const same = { ...host(parts(), parts({ kernel: "/nix/store/k2" })), profile: booted, current: booted };
    expect(rebootNeed(same)).toMatchObject({ needed: false, reasons: [] });
  });
});

test("over the border to the release with triggers the paths decide, and that is said", () => {
  const old = parts();
  const seen = rebootNeed(host({ ...old, rebootTriggers: undefined }, parts({ kernel: "/nix/store/k2" })));
  expect(seen.needed).toBe(true);
  expect(seen.unknown).toEqual(["The reboot triggers can be read on one side at most, so that paths alone decided."]);
  expect(rebootNeed(host({ ...old, rebootTriggers: "nonsense" }, parts())).unknown).toHaveLength(1);
  const before = { ...old, rebootTriggers: undefined };
  expect(rebootNeed(host(before, { ...before, kernel: "/nix/store/k2" })).unknown).toEqual([]);
});

test("what cannot be read is never no change", () => {
  expect(rebootNeed(host(undefined, parts())).unknown).toEqual(["What the host booted cannot be told."]);
  expect(rebootNeed(host(parts(), undefined)).unknown).toEqual(["What the host would boot cannot be told."]);
  expect(rebootNeed(host(parts({ kernel: undefined }), parts())).unknown).toEqual(["The kernel of the booted system cannot be told."]);
  // A container has none on either side.
  const container = { kernel: undefined, initrd: undefined, kernelModules: undefined };
  expect(rebootNeed(host(parts(container), parts(container)))).toMatchObject({ needed: false, unknown: [] });
});

test("a boot default that is not active waits, with what keeps a switch from it", () => {
  const seen = rebootNeed(host(parts(), parts({ switchInhibitors: '{"dbus-implementation":"broker"}' }), booted));
  expect(seen).toMatchObject({ needed: true, staged: true });
  expect(seen.reasons.map((reason) => reason.part)).toEqual(["dbus-implementation"]);
});

describe("with the systems in the store", () => {
  test("a kernel that waits is a miss with both releases", () => {
    const from = world.toplevel({ kernel: "linux-6.12.58" });
    const to = world.toplevel({ kernel: "linux-6.12.60" });
    const seen = world.switched(from, to);
    expect(rebootNeed(seen.after, world.store.files)).toMatchObject({ needed: true, release: { running: "6.12.58", wanted: "6.12.60" } });
    expect(verifyHost({ ...seen, store: world.store.files })).toMatchObject([
      { family: "kernel", subject: "kernel", needs: "reboot", sentence: expect.stringContaining("6.12.58 runs, 6.12.60 would.") },
    ]);
  });

  test("after the reboot the kernel and its command line must be the planned ones", () => {
    const from = world.toplevel({ kernel: "linux-6.12.58" });
    const to = world.toplevel({ kernel: "linux-6.12.60", files: { "kernel-params": 'loglevel=4 dyndbg="file a +p"' } });
    const seen = world.switched(from, to);
    const after = (release: string, commandLine: string) => ({
      ...seen.after,
      booted: to,
      bootId: "2",
      kernel: { release, commandLine, modules: [] },
    });
    const told = (release: string, commandLine: string) =>
      verifyHost({ ...seen, planned: { ...seen.planned, booted: to }, after: after(release, commandLine), store: world.store.files }).map(
        (miss) => `${miss.subject}: ${miss.found}`,
      );
    expect(told("6.12.60", `init=${to}/init loglevel=4 dyndbg="file a +p"`)).toEqual([]);
    expect(told("6.12.58", `init=${to}/init loglevel=4 dyndbg="file a +p"`)).toEqual(["release: 6.12.58"]);
    expect(told("6.12.60", `init=${to}/init loglevel=4`)).toEqual(["kernel-params: not on the command line"]);
    // The command line of a container is its machine's.
    expect(told("6.12.60", "console=ttyS0")).toEqual([]);
  });

  test("a module that is asked for and is not loaded", () => {
    const modules = (names: string) => ({ "modules-load.d/nixos.conf": names });
    const from = world.toplevel({ etc: modules("loop\n") });
    const to = world.toplevel({ etc: modules("loop\nkvm-intel\n# a comment\noverlay\n") });
    const seen = world.switched(from, to);
    expect(verifyHost({ ...seen, store: world.store.files }).map((miss) => `${miss.subject} ${miss.needs}`)).toEqual(["kvm_intel reboot"]);
    const loaded = { ...seen.after, kernel: { ...seen.after.kernel, modules: ["overlay", "kvm_intel"] } };
    expect(verifyHost({ ...seen, after: loaded, store: world.store.files })).toEqual([]);
  });
});
