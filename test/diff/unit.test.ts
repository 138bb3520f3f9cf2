import { execFileSync } from "node:child_process";
import { afterAll, expect, test } from "vitest";
import { newUnitCache, readUnits, templateOf } from "../../src/diff/unit.ts";
import { unitValues } from "../../src/diff/unit-parse.ts";
import { diffUnits } from "../../src/diff/unit-diff.ts";
import { ThrowawayStore } from "./throwaway-store.ts";

const store = new ThrowawayStore();
afterAll(() => store.remove());

test("units as systemd sees them", () => {
  const network = store.tree("unit-networkd", { "systemd-networkd.service": "[Unit]\nDescription=Network\n" });
  const getty = store.file("getty", "[Service]\nExecStart=/a\nEnvironment=A=1\n");
  const disabled = store.tree("unit-disabled.service-disabled", { "disabled.service": { link: "/dev/null" } });
  const directory = store.tree("system-units", {
    "systemd-networkd.service": { link: `${network}/systemd-networkd.service` },
    "dbus-org.freedesktop.network1.service": { link: "systemd-networkd.service" },
    "multi-user.target.wants/systemd-networkd.service": { link: "../systemd-networkd.service" },
    "network.target.requires/systemd-networkd.service": { link: "../systemd-networkd.service" },
    "getty@.service": { link: getty },
    "getty@.service.d/overrides.conf": "[Service]\nExecStart=\nExecStart=/b\n",
    "getty@.service.d/README": "[Service]\nExecStart=/never\n",
    "getty@tty1.service.d/50.conf": "[Service]\nEnvironment=B=2\n",
    "getty.target.wants/getty@tty2.service": { link: "../getty@.service" },
    "masked.service": { link: "/dev/null" },
    // As NixOS writes `systemd.services.disabled.enable = false`.
    "disabled.service": { link: `${disabled}/disabled.service` },
    "empty.service": "",
    "gone.service": { link: `${store.path("nowhere")}/gone.service` },
    "outside.service": { link: "/etc/passwd" },
    "loop.service": { link: "loop.service" },
    "service.d/all.conf": "[Service]\nRestart=always\n",
  });
  const units = readUnits(store.files, directory, newUnitCache());
  const get = (name: string) => units.get(name) ?? expect.fail(`no ${name}`);

  expect(get("systemd-networkd.service")).toMatchObject({
    path: `${network}/systemd-networkd.service`,
    masked: false,
    wantedBy: ["multi-user.target.wants", "network.target.requires"],
  });
  expect(get("systemd-networkd.service").aliasOf).toBeUndefined();
  expect(get("dbus-org.freedesktop.network1.service").aliasOf).toBe("systemd-networkd.service");
  expect(unitValues(get("getty@.service"), "Service", "ExecStart")).toEqual(["/b"]);
  expect(get("getty@.service").wantedBy).toEqual(["getty.target.wants"]);
  expect(unitValues(get("getty@tty1.service"), "Service", "ExecStart")).toEqual(["/b"]);
  expect(unitValues(get("getty@tty1.service"), "Service", "Environment")).toEqual(["A=1", "B=2"]);
  expect(get("masked.service")).toMatchObject({ masked: true, path: undefined });
  expect(get("disabled.service")).toMatchObject({ masked: true, path: undefined });
  expect(get("empty.service").masked).toBe(true);
  for (const name of ["gone.service", "outside.service", "loop.service"]) {
    expect(get(name)).toMatchObject({ path: undefined, masked: false });
    expect(get(name).text).toContain("cannot be read here");
    expect(get(name).text).not.toContain("root:");
  }
  expect(unitValues(get("service"), "Service", "Restart")).toEqual(["always"]);
});

test("a unit that two hosts share is read once and is one object", () => {
  const cache = newUnitCache();
  const shared = store.file("unit-a", "[Service]\nExecStart=/a\n");
  const one = readUnits(store.files, store.tree("system-units", { "a.service": { link: shared } }), cache);
  const two = readUnits(store.files, store.tree("system-units", { "a.service": { link: shared }, "b.service": "[Unit]\n" }), cache);
  expect(one.get("a.service")).toBe(two.get("a.service"));
  const wanted = store.tree("system-units", { "a.service": { link: shared }, "x.target.wants/a.service": { link: "../a.service" } });
  expect(readUnits(store.files, wanted, cache).get("a.service")).not.toBe(one.get("a.service"));
});

test("a FIFO is never opened, a missing directory is no unit", () => {
  const directory = store.tree("system-units", { "a.service": "[Unit]\n" });
  execFileSync("mkfifo", [`${directory}/pipe.service`]);
  expect([...readUnits(store.files, directory, newUnitCache()).keys()]).toEqual(["a.service", "pipe.service"]);
  expect(readUnits(store.files, store.path("missing"), newUnitCache()).size).toBe(0);
});

test.each([
  ["getty@tty1.service", "getty@.service"],
  ["a@b.c.service", "a@.c.service"],
  ["a.service", undefined],
  ["a@.service", undefined],
])("the template of %s", (name, template) => {
  expect(templateOf(name)).toBe(template);
});

test("what changed, why and with which effect", () => {
  const config = store.file("sshd_config", "Port 22\n");
  const other = store.file("sshd_config", "Port 2222\n");
  const unit = (trigger: string): string =>
    `[Unit]\nX-Restart-Triggers=${store.file("X-Restart-Triggers-sshd", `${trigger}\n`)}\n[Service]\nX-StopIfChanged=false\nExecStart=/x\n`;
  const wants = { "multi-user.target": "[Unit]\n", "multi-user.target.wants/sshd.service": { link: "../sshd.service" } };
  const before = store.system({ units: { ...wants, "sshd.service": unit(config) }, etc: { "ssh/sshd_config": { link: config } } });
  const after = store.system({ units: { ...wants, "sshd.service": unit(other) }, etc: { "ssh/sshd_config": { link: other } } });
  expect(diffUnits(store.files, before, after)).toEqual([
    {
      name: "sshd.service",
      change: "changed",
      effect: "restart",
      reason: "X-StopIfChanged=false; trigger /etc/ssh/sshd_config changed",
      hashOnly: true,
      keys: [],
      diff: "",
    },
  ]);
});

test("keys and text of a change: hashes taken out, secrets redacted", () => {
  const wants = { "multi-user.target": "[Unit]\n", "multi-user.target.wants/a.service": { link: "../a.service" } };
  const text = (version: string, token: string): string =>
    `[Service]\nExecStart=${store.prefix}/${"a".repeat(32)}-app-${version}/bin/app\nEnvironment="API_TOKEN=${token}"\n`;
  const [change] = diffUnits(
    store.files,
    store.system({ units: { ...wants, "a.service": text("1", "aaaaaaaa") } }),
    store.system({ units: { ...wants, "a.service": text("2", "bbbbbbbb") } }),
  );
  expect(change).toMatchObject({ effect: "stop-start", hashOnly: false });
  expect(change?.keys).toEqual([
    { section: "Service", key: "ExecStart", from: [`${store.prefix}/…-app-1/bin/app`], to: [`${store.prefix}/…-app-2/bin/app`] },
    { section: "Service", key: "Environment", from: ['"API_TOKEN=<redacted 1>"'], to: ['"API_TOKEN=<redacted 2>"'] },
  ]);
  expect(change?.diff).toContain('+Environment="API_TOKEN=<redacted 2>"');
  expect(JSON.stringify(change)).not.toMatch(/aaaaaaaa|bbbbbbbb/);
});

test("user units are told apart: a switch does not restart them", () => {
  const before = store.system({ userUnits: { "a.service": "[Service]\nExecStart=/a\n" } });
  const after = store.system({ userUnits: { "a.service": "[Service]\nExecStart=/b\n" } });
  expect(diffUnits(store.files, before, after)).toEqual([]);
  expect(diffUnits(store.files, before, after, "user")).toMatchObject([
    { name: "a.service", effect: "nothing", reason: expect.stringContaining("user units") },
  ]);
});

test("an alias is told only where it names another unit", () => {
  const units = (target: string, text: string) => ({ "a.target": text, "b.target": "[Unit]\n", "default.target": { link: target } });
  const before = store.system({ units: units("a.target", "[Unit]\nAfter=x\n") });
  expect(
    diffUnits(store.files, before, store.system({ units: units("a.target", "[Unit]\nAfter=y\n") })).map((change) => change.name),
  ).toEqual(["a.target"]);
  expect(diffUnits(store.files, before, store.system({ units: units("b.target", "[Unit]\nAfter=x\n") }))).toMatchObject([
    { name: "default.target", effect: "nothing", reason: "another name of b.target, before of a.target" },
  ]);
});

test("a unit of two million bytes is compared, and what is shown stays small", () => {
  const text = (last: string): string =>
    `[Service]\nExecStart=/a\n${`Environment="A=${"x".repeat(80)}"\n`.repeat(22_000)}Environment=Z=${last}\n`;
  const [change, ...rest] = diffUnits(
    store.files,
    store.system({ units: { "a.service": text("1") } }),
    store.system({ units: { "a.service": text("2") } }),
  );
  expect(rest).toEqual([]);
  expect(change?.diff).toContain("+Environment=Z=2");
  expect(change?.diff.length).toBeLessThan(300_000);
});
