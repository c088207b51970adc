import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { aLocalTarget, anAttempt } from "../../test/fakes/attempt-context.ts";
import { createRealTransport } from "../../test/fakes/real-transport.ts";
import { timeMs } from "../base/ids.ts";
import type { Actions, Clock, Pace } from "../engine/ports.ts";
import { createActions, loadActions } from "./catalogue.ts";

const CLOCK: Clock = { nowMs: () => timeMs(0), monotonicMs: () => 0, bootId: () => "boot", after: () => () => undefined };
const PACE: Pace = { run: (_origin, work) => work() };

function aDirectory(files: Readonly<Record<string, string>> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-actions-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

async function catalogue(): Promise<Actions> {
  return createActions({ transport: createRealTransport(), clock: CLOCK, pace: PACE, own: await loadActions("test/testdata/actions") });
}

test("the catalogue holds the built-in actions and the operator's own", async () => {
  const actions = await catalogue();
  const builtIn = ["assert", "command", "directory", "file", "finish", "http", "person", "signal", "wait"];
  expect(actions.names()).toEqual([...builtIn, "marker@1", "missing-packages@1"].toSorted());
  expect(actions.find("file")?.digest).toBe("");
  expect(actions.find("marker@1")?.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(actions.find("fiel")).toBeUndefined();
  expect(actions.names().filter((name) => actions.find(name)?.hasPulse === true)).toEqual([
    "command",
    "http",
    "marker@1",
    "missing-packages@1",
  ]);
});

test("an action without code goes through check and apply with its typed arguments", async () => {
  const root = aDirectory();
  const context = anAttempt({ target: aLocalTarget(root) });
  const prepared = (await catalogue()).find("marker@1")?.parse({ site: "ams" });
  expect(await prepared?.check(context)).toMatchObject({ kind: "different", diff: "absent\n" });
  expect(await prepared?.apply(context, "")).toMatchObject({ kind: "applied", output: { site: "ams" } });
  expect(await prepared?.check(context)).toMatchObject({ kind: "converged" });
});

test("a list becomes several words, and no word is read by a shell", async () => {
  const root = aDirectory();
  mkdirSync(join(root, "pkg/here"), { recursive: true });
  const prepared = (await catalogue()).find("missing-packages@1")?.parse({ packages: ["here", "$(reboot)", "a b"] });
  expect(await prepared?.apply(anAttempt({ target: aLocalTarget(root) }), "")).toMatchObject({
    kind: "applied",
    output: ["$(reboot)", "a b"],
  });
  expect(prepared?.look).toBeUndefined();
});

test("a check that ends with any other status is a failure, not an answer", async () => {
  const text =
    "name: x\ndescription: x\neffects: idempotent\ncheck: { argv: [sh, -c, 'echo no disk >&2; exit 4'] }\napply: { argv: ['true'] }\n";
  const own = await loadActions(aDirectory({ "x.yaml": text }));
  const prepared = createActions({ transport: createRealTransport(), clock: CLOCK, pace: PACE, own }).find("x")?.parse({});
  const root = aDirectory();
  expect(await prepared?.check(anAttempt({ target: aLocalTarget(root) }))).toMatchObject({
    kind: "failed",
    message: "check: the command ended with 4: no disk",
  });
});

test("faults of all files are told at once, duplicates and hidden built-ins too", async () => {
  const good = (name: string): string => `name: ${name}\ndescription: x\neffects: none\napply: { argv: ['true'] }\n`;
  const directory = aDirectory({
    "a.yaml": good("x@1"),
    "b.yml": good("x@1"),
    "c.yaml": good("file@2"),
    "d.yaml": "name: [",
    "e.yaml": "name: y\n",
    "notes.txt": "no action",
  });
  await expect(loadActions(directory)).rejects.toThrow(
    new RegExp(
      [
        "d\\.yaml:1:",
        "e\\.yaml:1:1: description: required",
        'b\\.yml: the name "x@1" is taken by',
        'c\\.yaml: the name "file@2" would hide',
      ].join("[^]*"),
    ),
  );
});

test("a directory that is not there is an error that says so", async () => {
  await expect(loadActions("/no/such/directory")).rejects.toThrow(
    "the directory of actions /no/such/directory cannot be read; see --actions",
  );
});
