import { expect, test } from "vitest";
import { anId } from "../../test/fakes/journal-entries.ts";
import { GuardRun } from "../../test/fakes/guard-run.ts";
import { LEDGER_RESERVE_TARGETS_MAX } from "../base/limits.ts";
import type { WorkflowId } from "../base/ids.ts";
import type { LedgerDimension } from "./ledger.ts";
import { ledgerReader, ledgerTouched, reserveTargets, settleTargets, touchTarget } from "./ledger.ts";

const [A, B] = [anId(1), anId(2)];
const HOUR = 3_600_000;
const ALL: LedgerDimension = { kind: "all" };
const AMS: LedgerDimension = { kind: "label", label: "site", value: "ams" };

function reserve(run: GuardRun, workflow: WorkflowId, names: readonly string[], nowMs = 1): readonly string[] {
  const targets = names.map((name) => ({ name, labels: { site: "ams" } }));
  return run.move(reserveTargets(run.guard, { workflow, targets, uses: ["erase@1"], principal: "ann" }, nowMs));
}

function count(run: GuardRun, nowMs: number, dimension = ALL): number {
  return ledgerTouched(run.guard, "1h", dimension, nowMs).count;
}

test("a reserved target counts at once, until it is settled; untouched, it gives its reservation back", () => {
  const run = new GuardRun();
  expect(reserve(run, A, ["h1", "h2"])).toEqual(["targetsReserved"]);
  expect(reserve(run, A, ["h1", "h2"])).toEqual([]);
  expect([count(run, 99 * HOUR), count(run, 99 * HOUR, AMS), count(run, 99 * HOUR, { kind: "action", uses: "erase@1" })]).toEqual([
    2, 2, 2,
  ]);
  run.move(settleTargets(run.guard, A, [{ target: "h1", failedUses: [] }], 99 * HOUR));
  expect(count(run, 99 * HOUR)).toBe(1);
});

test("a touched or failed target counts for the window's length from its settling, to the millisecond", () => {
  const run = new GuardRun();
  reserve(run, A, ["h1", "h2", "h3"]);
  expect(run.move(touchTarget(run.guard, { workflow: A, target: "h1", uses: "erase@1" }, 5))).toEqual(["targetTouched"]);
  expect(touchTarget(run.guard, { workflow: A, target: "h1", uses: "erase@1" }, 6)).toEqual([]);
  expect(touchTarget(run.guard, { workflow: B, target: "h1", uses: "erase@1" }, 6)).toEqual([]);
  const settled = ["h1", "h2", "h3", "h9"].map((target) => ({ target, failedUses: target === "h2" ? ["erase@1"] : [] }));
  run.move(settleTargets(run.guard, A, settled, 1_000));
  expect([count(run, 1_000), count(run, 1_000 + HOUR - 1), count(run, 1_000 + HOUR)]).toEqual([2, 2, 0]);
  expect(ledgerTouched(run.guard, "24h", { kind: "principal", name: "ann" }, 1_000 + HOUR).count).toBe(2);
  expect(ledgerTouched(run.guard, "30d", ALL, 1_000 + 30 * 24 * HOUR).count).toBe(0);
});

test("those who ask are not counted, whatever is asked", () => {
  const run = new GuardRun();
  reserve(run, A, ["h1", "h2", "h3"]);
  const reader = ledgerReader(run.guard, { nowMs: 2, except: ["h1", "h2", "h2", "h9"] });
  for (const dimension of [ALL, AMS, { kind: "action", uses: "erase@1" }, { kind: "principal", name: "ann" }] as const) {
    expect(reader.touched("1h", dimension).count).toBe(1);
  }
  reserve(run, B, ["h4", "h9"]);
  expect(reader.touched("1h", ALL).count).toBe(2);
});

test("a version moves when a count does, by time too, and only then", () => {
  const run = new GuardRun();
  reserve(run, A, ["h1"]);
  run.move(touchTarget(run.guard, { workflow: A, target: "h1", uses: "erase@1" }, 5));
  run.move(settleTargets(run.guard, A, [{ target: "h1", failedUses: [] }], 10));
  const before = ledgerTouched(run.guard, "1h", AMS, 10).version;
  expect(ledgerTouched(run.guard, "1h", AMS, 11).version).toBe(before);
  expect(ledgerTouched(run.guard, "1h", AMS, 10 + HOUR).version).not.toBe(before);
});

test("a wave of very many targets is reserved in events of bounded size, and counted once", () => {
  const run = new GuardRun();
  const names = Array.from({ length: 2 * LEDGER_RESERVE_TARGETS_MAX + 1 }, (_, at) => `h${at}`);
  expect(reserve(run, A, names)).toHaveLength(3);
  expect([run.events[0]?.kind.case === "targetsReserved" && run.events[0].kind.value.labelSets.length, count(run, 1, AMS)]).toEqual([
    1,
    names.length,
  ]);
  const heavy = names.slice(0, 100).map((name) => ({ name, labels: { note: name.padEnd(20_000, "x") } }));
  expect(reserveTargets(run.guard, { workflow: B, targets: heavy, uses: [], principal: "bob" }, 2).length).toBeGreaterThan(2);
});

test("labels count as of the latest touch or reservation, and go back with a reservation that is given back", () => {
  const run = new GuardRun();
  reserve(run, A, ["h1"]);
  run.move(touchTarget(run.guard, { workflow: A, target: "h1", uses: "erase@1" }, 2));
  run.move(settleTargets(run.guard, A, [{ target: "h1", failedUses: [] }], 3));
  const moved = [{ name: "h1", labels: { site: "fra" } }];
  run.move(reserveTargets(run.guard, { workflow: B, targets: moved, uses: [], principal: "bob" }, 4));
  expect([count(run, 4, AMS), count(run, 4, { ...AMS, value: "fra" }), count(run, 4)]).toEqual([0, 1, 1]);
  run.move(settleTargets(run.guard, B, [{ target: "h1", failedUses: [] }], 5));
  expect([count(run, 5, AMS), count(run, 5, { ...AMS, value: "fra" })]).toEqual([1, 0]);
});
