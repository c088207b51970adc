// How fast the guard is: checks and moves a second, and what a wave of 100,000 targets costs it.
// 1. Nothing is written: these are the pure functions that a turn calls, in time on the core. The first repeat warms up and is not counted.

import { canTakeLocks, giveLocks, stageLock, takeLocks, targetLock } from "../../../internal/guard/locks.ts";
import { ledgerReader, ledgerTouched, reserveTargets, settleTargets, touchTarget } from "../../../internal/guard/ledger.ts";
import { returnLimits, roomFor, takeLimits } from "../../../internal/guard/limits.ts";
import { GuardRun } from "../../fakes/guard-run.ts";
import { anId } from "../../fakes/journal-entries.ts";
import { askOf } from "../../fakes/limit-oracle.ts";
import type { Terms } from "../../fakes/limit-oracle.ts";
import type { Figure, Row, Scale } from "../row.ts";
import { Tally } from "../tally.ts";

const REPEATS = 5;
const TASKS = 100_000;
const LIMITS: readonly Terms[] = [
  { key: "erase", tokens: 1_000_000, periodMs: 1_000, burst: 1_000_000, isEach: true },
  { key: "erase/ams", concurrency: 5 },
];
const A = anId(1);
const TARGETS = Array.from({ length: 100_000 }, (_, at) => ({
  name: `host-${at}.example.net`,
  labels: { site: `site-${at % 100}`, rack: `rack-${at % 5_000}`, role: "web", os: `os-${at % 7}` },
}));

/** The row. */
export const row: Row = { name: "guard", title: "The guard alone: 100,000 tasks, 100,000 targets", measure };

async function measure(scale: Scale): Promise<readonly Figure[]> {
  if (scale === "quick") return [];
  await measureOnce(new Tally());
  const tally = new Tally();
  for (let repeat = 0; repeat < REPEATS; repeat++) await measureOnce(tally);
  return tally.figures();
}

async function measureOnce(tally: Tally): Promise<void> {
  const light = new LightRun();
  await tally.addRate("two limits: asked for, taken, returned", TASKS, () => useLimits(light));
  await tally.addRate("two locks: asked for, taken, given back", TASKS, () => useLocks(light));
  const run = new GuardRun();
  const reserve = { workflow: A, targets: TARGETS, uses: ["file", "service"], principal: "ann" };
  await tally.addTime("ledger: all targets reserved", () => run.move(reserveTargets(run.guard, reserve, 1_000_000)));
  await tally.addTime("ledger: all targets touched", () => {
    for (const { name } of TARGETS) run.move(touchTarget(run.guard, { workflow: A, target: name, uses: "file" }, 1_000_001));
  });
  await tally.addTime("ledger: 100 sites read, all of the targets left out", () => {
    const reader = ledgerReader(run.guard, { nowMs: 1_000_001, except: TARGETS.map(({ name }) => name) });
    for (let site = 0; site < 100; site++) reader.touched("1h", { kind: "label", label: "site", value: `site-${site}` });
  });
  const settled = TARGETS.map(({ name }) => ({ target: name, failedUses: [] }));
  await tally.addTime("ledger: all targets settled", () => run.move(settleTargets(run.guard, A, settled, 1_000_002)));
  await tally.addTime("ledger: all targets leave a window", () => ledgerTouched(run.guard, "1h", { kind: "all" }, 5_000_000));
  await tally.addTime("replay of all these moves", () => run.replayed());
}

function useLimits(run: GuardRun): void {
  for (let task = 0; task < TASKS; task++) {
    const ask = { workflow: A, task, priority: 0, attempt: 1, limits: LIMITS.map((terms) => askOf(terms, `site ${task % 1_000}`)) };
    if (roomFor(run.guard, ask, 1 + task).kind === "room") run.move(takeLimits(run.guard, ask, 1 + task));
    run.move(returnLimits(run.guard, { workflow: A, task, isUnused: false }, 1 + task));
  }
}

function useLocks(run: GuardRun): void {
  for (let task = 0; task < TASKS; task++) {
    const target = `host-${task}`;
    const ask = { workflow: A, target, keys: [targetLock(target), stageLock("db")], priority: 0 };
    if (canTakeLocks(run.guard, ask)) run.move(takeLocks(run.guard, ask, 300_000));
    run.move(giveLocks(run.guard, ask, 300_000));
  }
}

/** A guard that does not keep its events: only their cost is measured. */
class LightRun extends GuardRun {
  override move(events: Parameters<GuardRun["move"]>[0]): readonly string[] {
    super.move(events);
    this.events.length = 0;
    return [];
  }
}
