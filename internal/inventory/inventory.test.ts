import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { FakeClock } from "../../test/fakes/fake-clock.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { HoldfastError } from "../base/errors.ts";
import { INVENTORY_POLL_MS, INVENTORY_RUN_INTERVAL_MS } from "../base/limits.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { openInventory } from "./inventory.ts";

interface Files {
  readonly [name: string]: string;
}

async function open(files: Files, names = Object.keys(files)) {
  const base = temporaryDirectory();
  const put = (name: string, text: string): void => {
    writeFileSync(join(base, `${name}.new`), text, { mode: name.endsWith(".sh") ? 0o755 : 0o644 });
    renameSync(join(base, `${name}.new`), join(base, name));
  };
  for (const [name, text] of Object.entries(files)) put(name, text);
  const clock = new FakeClock();
  const logged: string[] = [];
  const inventory = await openInventory({ files: names, base, home: "/home/ops", clock, log: (line) => logged.push(line) });
  return { inventory, base, put, clock, logged };
}

/** The targets as JSON; `BASE` stands for the inventory's directory. */
async function targetsOf(files: Files): Promise<unknown> {
  const { inventory, base } = await open(files);
  const json = inventory.targets().map((target) => toJson(TargetSchema, create(TargetSchema, target)));
  inventory.close();
  return JSON.parse(JSON.stringify(json).replaceAll(base, "BASE"));
}

async function faultsOf(files: Files): Promise<readonly string[]> {
  try {
    const { inventory } = await open(files);
    inventory.close();
  } catch (error) {
    if (error instanceof HoldfastError) return error.message.split("\n");
    throw error;
  }
  return [];
}

test("the inventory's own format gives targets with labels and connections, sorted by name", async () => {
  const text = `
defaults: { labels: { site: ams }, connection: { ssh: { user: deploy, identity: ./key } } }
targets:
  - { name: web-02, labels: { role: web, weight: 3, spare: true }, connection: { local: { root: ./a/../hosts/web-02 } } }
  - { name: db-01, connection: { ssh: { host: 127.0.0.1, port: 2201, known_hosts: known } }, become: sudo }
  - { name: db-02, labels: { site: fra } }
`;
  expect(await targetsOf({ "inventory.yaml": text })).toEqual([
    {
      name: "db-01",
      labels: { site: "ams" },
      connection: {
        ssh: { host: "127.0.0.1", port: 2201, user: "deploy", identity: "BASE/key", knownHosts: "BASE/known" },
        become: "BECOME_SUDO",
      },
    },
    { name: "db-02", labels: { site: "fra" }, connection: { ssh: { host: "db-02", user: "deploy", identity: "BASE/key" } } },
    {
      name: "web-02",
      labels: { site: "ams", role: "web", weight: "3", spare: "true" },
      connection: { local: { root: "BASE/hosts/web-02" } },
    },
  ]);
});

test("become stands in the connection or at the target, and none takes back a default", async () => {
  const text = `
defaults: { become: sudo, connection: { local: {} } }
targets: [{ name: a }, { name: b, become: none }, { name: c, connection: { local: { root: /r }, become: none } }]
`;
  expect(await targetsOf({ "i.yaml": text })).toEqual([
    { name: "a", connection: { local: {}, become: "BECOME_SUDO" } },
    { name: "b", connection: { local: {} } },
    { name: "c", connection: { local: { root: "/r" } } },
  ]);
});

test("all faults of all files come at once, each with file, line and column", async () => {
  const bad = `
default: {}
targets:
  - { name: a/b, connection: { local: {} } }
  - { name: ok, lables: { a: b }, connection: { ssh: { host: "-oProxyCommand=x", port: 70000 } } }
  - { labels: { nested: { a: 1 } }, connection: { winrm: {} } }
  - { name: bare }
`;
  expect(await faultsOf({ "bad.yaml": bad, "worse.yaml": "targets: [\n", "list.txt": "good\nnot good\n" })).toEqual([
    expect.stringMatching(/^bad\.yaml:2:\d+: unknown key "default"; did you mean "defaults"\?/),
    expect.stringMatching(/^bad\.yaml:4:\d+: not a target's name: "a\/b"/),
    expect.stringMatching(/^bad\.yaml:5:\d+: unknown key "lables"; did you mean "labels"\?/),
    expect.stringMatching(/^bad\.yaml:5:\d+: must be a number from 1 to 65535/),
    expect.stringMatching(/^bad\.yaml:5:\d+: not a host name or address/),
    expect.stringMatching(/^bad\.yaml:6:\d+: a label's value/),
    expect.stringMatching(/^bad\.yaml:6:\d+: unknown key "winrm"/),
    expect.stringMatching(/^bad\.yaml:6:\d+: needs local or ssh/),
    expect.stringMatching(/^bad\.yaml:6:\d+: is missing, or no text/),
    expect.stringMatching(/^bad\.yaml:7:\d+: has no connection, and defaults has none/),
    expect.stringMatching(/^worse\.yaml:\d+:\d+: /),
    expect.stringMatching(/^list\.txt:2:1: not a target's name: "not good"/),
  ]);
});

test("a name that stands twice is refused with both places, also over several files", async () => {
  const one = "targets:\n  - { name: a, connection: { local: {} } }\n";
  expect(await faultsOf({ "one.yaml": one, "two.txt": "# two\na\n" })).toEqual([
    `two.txt:2:1: target "a" stands at one.yaml:2:5 already; a name stands once in all inventories`,
  ]);
});

test("what is not there, or no file, or not text, is refused by name", async () => {
  const base = temporaryDirectory();
  const options = { base, home: "", clock: new FakeClock(), log: () => undefined };
  await expect(openInventory({ ...options, files: ["missing.yaml", "."] })).rejects.toThrow(/missing\.yaml: no such file\n\.: not a file/);
  writeFileSync(join(base, "b.yaml"), Buffer.from([0xff, 0xfe, 0x00]));
  await expect(openInventory({ ...options, files: ["b.yaml"] })).rejects.toThrow("b.yaml: not UTF-8 text");
  expect(await faultsOf({ "bomb.yaml": `a: &a [x, x]\nb: &b [*a, *a]\n${"c: *b\n"}` })).not.toEqual([]);
  expect(await faultsOf({ "deep.yaml": "[".repeat(10_000) })).toEqual([expect.stringContaining("nested deeper")]);
  expect(await faultsOf({ "deep.json": "[".repeat(10_000) })).toEqual([expect.stringContaining("nested deeper")]);
});

test("a plain list reaches each host over ssh by its name", async () => {
  expect(await targetsOf({ "hosts.txt": "# all\nweb-01 # the first\n\n  web-02\r\n" })).toEqual([
    { name: "web-01", connection: { ssh: { host: "web-01" } } },
    { name: "web-02", connection: { ssh: { host: "web-02" } } },
  ]);
});

const ANSIBLE = {
  _meta: {
    hostvars: {
      "web-01": {
        ansible_host: "10.0.0.1",
        ansible_port: 2222,
        ansible_user: "deploy",
        ansible_ssh_private_key_file: "~/k",
        rack: 7,
        db_password: "x",
      },
      "web-02": { ansible_become: true, tier: "gold", facts: { a: 1 } },
      here: { ansible_connection: "local" },
    },
  },
  all: { children: ["europe", "ungrouped"], vars: { tier: "base", zone: "z" } },
  europe: { children: ["web"], vars: { tier: "europe" } },
  web: { hosts: ["web-01", "web-02"] },
  ungrouped: { hosts: ["here"] },
};

test("Ansible's answer to --list gives groups and variables as labels, inner ones over outer ones, and no secrets", async () => {
  expect(await targetsOf({ "ansible.json": JSON.stringify(ANSIBLE) })).toEqual([
    { name: "here", labels: { tier: "base", zone: "z" }, connection: { local: {} } },
    {
      name: "web-01",
      labels: { "group.europe": "true", "group.web": "true", rack: "7", tier: "europe", zone: "z" },
      connection: { ssh: { host: "10.0.0.1", port: 2222, user: "deploy", identity: "/home/ops/k" } },
    },
    {
      name: "web-02",
      labels: { "group.europe": "true", "group.web": "true", tier: "gold", zone: "z" },
      connection: { ssh: { host: "web-02" }, become: "BECOME_SUDO" },
    },
  ]);
});

test("what Ansible would do and Holdfast cannot is refused", async () => {
  const of = (variables: object): Files => ({ "a.json": JSON.stringify({ _meta: { hostvars: { h: variables } }, g: ["h"] }) });
  expect(await faultsOf(of({ ansible_connection: "winrm" }))).toEqual([
    expect.stringMatching(/a\.json:1:\d+: .*ansible_connection: is not supported/),
  ]);
  expect(await faultsOf(of({ ansible_host: "{{ x }}" }))).toEqual([expect.stringContaining("is a template")]);
  expect(await faultsOf(of({ ansible_become: true, ansible_become_user: "db" }))).toEqual([
    expect.stringContaining("become is always root"),
  ]);
  expect(await faultsOf(of({ ansible_ssh_pass: "x" }))).toEqual([expect.stringContaining("use keys or an agent")]);
  expect(await faultsOf({ "a.json": `{"g":["h"]}` })).toEqual([expect.stringContaining("_meta.hostvars")]);
  const loop = { _meta: { hostvars: {} }, a: { children: ["b"] }, b: { children: ["a"] } };
  expect(await faultsOf({ "a.json": JSON.stringify(loop) })).toEqual([expect.stringContaining("groups contain each other")]);
});

test("an executable file is run with --list", async () => {
  const script = `#!/bin/sh\n[ "$1" = --list ] && cat <<'END'\n${JSON.stringify(ANSIBLE)}\nEND\n`;
  expect(await targetsOf({ "hosts.sh": script })).toHaveLength(3);
  expect(await faultsOf({ "hosts.sh": "#!/bin/sh\necho no network >&2; exit 3\n" })).toEqual([
    "hosts.sh: --list ended with status 3: no network",
  ]);
  expect(await faultsOf({ "hosts.sh": "#!/bin/sh\necho nonsense\n" })).toEqual([expect.stringContaining("must be an object of groups")]);
});

const list = (...names: string[]): string => `${names.join("\n")}\n`;
const namesOf = (targets: readonly { name: string }[]): string[] => targets.map(({ name }) => name);

test("a changed file is read again before the next submission, and in time of its own", async () => {
  const { inventory, put, clock, logged } = await open({ "hosts.txt": list("a") });
  put("hosts.txt", list("a", "b"));
  expect(namesOf(inventory.targets())).toEqual(["a", "b"]);
  put("hosts.txt", list("c"));
  clock.advance(INVENTORY_POLL_MS);
  expect(logged.at(-1)).toBe("inventory: 1 targets from 1 sources");
  inventory.close();
});

test("a broken new version refuses every submission until it is mended, and is logged once", async () => {
  const { inventory, put, clock, logged, base } = await open({ "hosts.txt": list("a"), "more.txt": list("b") });
  put("more.txt", list("b", "a"));
  for (let time = 0; time < 3; time++) {
    expect(() => inventory.targets()).toThrow(/^more\.txt:2:1: target "a" stands at hosts\.txt:1:1 already/);
    clock.advance(INVENTORY_POLL_MS);
  }
  expect(inventory.problem()).toContain("more.txt:2:1");
  expect(logged.filter((line) => line.includes("is broken"))).toHaveLength(1);
  rmSync(join(base, "more.txt"));
  expect(() => inventory.targets()).toThrow("more.txt: no such file");
  put("more.txt", list("b"));
  expect(namesOf(inventory.targets())).toEqual(["a", "b"]);
  expect(inventory.problem()).toBeUndefined();
  inventory.close();
});

test("a program is asked again at intervals, and a changed one before the next submission", async () => {
  const script = (file: string): string => `#!/bin/sh\ncat "$(dirname "$0")/${file}"\n`;
  const answer = (host: string): string => JSON.stringify({ _meta: { hostvars: {} }, g: [host] });
  const { inventory, put, clock, base } = await open({ "hosts.sh": script("one.json"), "one.json": answer("a") }, ["hosts.sh"]).catch(
    async () => {
      throw new Error("the program must run");
    },
  );
  put("one.json", answer("b"));
  expect(namesOf(inventory.targets())).toEqual(["a"]);
  clock.advance(INVENTORY_RUN_INTERVAL_MS + INVENTORY_POLL_MS);
  await expect.poll(() => namesOf(inventory.targets())).toEqual(["b"]);
  put("two.json", answer("c"));
  put("hosts.sh", script("two.json"));
  expect(() => inventory.targets()).toThrow(/is being asked again/);
  await expect.poll(() => tryNames(() => namesOf(inventory.targets()))).toEqual(["c"]);
  chmodSync(join(base, "hosts.sh"), 0o644);
  expect(() => inventory.targets()).toThrow(/hosts\.sh:1:1|not a target's name/);
  inventory.close();
});

function tryNames(names: () => string[]): string[] {
  try {
    return names();
  } catch {
    return [];
  }
}
