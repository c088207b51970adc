// How fast the guard is: checks and moves a second, and what a wave of 100,000 targets costs. Run: npm run bench -- guard
// 1. Figures are printed, not asserted: they are of the reader's machine.

import { anId } from "../fakes/journal-entries.ts";
import { GuardRun } from "../fakes/guard-run.ts";
import { askOf } from "../fakes/limit-oracle.ts";
import type { Terms } from "../fakes/limit-oracle.ts";
import { canTakeLocks, giveLocks, stageLock, takeLocks, targetLock } from "../../internal/guard/locks.ts";
import { ledgerReader, ledgerTouched, reserveTargets, settleTargets, touchTarget } from "../../internal/guard/ledger.ts";
import { inMs, perSecond, printTable } from "./table.ts";
import type { Row } from "./table.ts";
import { returnLimits, roomFor, takeLimits } from "../../internal/guard/limits.ts";

const LIMITS: readonly Terms[] = [
  { key: "erase", tokens: 1_000_000, periodMs: 1_000, burst: 1_000_000, isEach: true },
  { key: "erase/ams", concurrency: 5 },
];
const A = anId(1);

const rows: Row[] = [];

/** Runs work, notes how much of it is done in a second. */
function measure(what: string, count: number, work: () => void): void {
  const startMs = performance.now();
  work();
  const ms = performance.now() - startMs;
  rows.push({ what, figure: `${inMs(ms)}, ${perSecond(count, ms)}` });
}

/** A guard that does not keep its events: only their cost is measured. */
class LightRun extends GuardRun {
  override move(events: Parameters<GuardRun["move"]>[0]): readonly string[] {
    super.move(events);
    this.events.length = 0;
    return [];
  }
}

const tasks = 200_000;
for (const round of ["warm-up", "limits"]) {
  const run = new LightRun();
  measure(`${round}: roomFor + takeLimits + returnLimits, two limits`, tasks, () => {
    for (let task = 0; task < tasks; task++) {
      const ask = { workflow: A, task, priority: 0, limits: LIMITS.map((terms) => askOf(terms, `site ${task % 1_000}`)) };
      if (roomFor(run.guard, ask, 1 + task).kind === "room") run.move(takeLimits(run.guard, ask, 1 + task));
      run.move(returnLimits(run.guard, { workflow: A, task, isUnused: false }, 1 + task));
    }
  });
  measure(`${round}: canTakeLocks + takeLocks + giveLocks, two keys`, tasks, () => {
    for (let task = 0; task < tasks; task++) {
      const target = `host-${task}`;
      const ask = { workflow: A, target, keys: [targetLock(target), stageLock("db")], priority: 0 };
      if (canTakeLocks(run.guard, ask)) run.move(takeLocks(run.guard, ask, 300_000));
      run.move(giveLocks(run.guard, ask, 300_000));
    }
  });
}

const targets = Array.from({ length: 100_000 }, (_, at) => {
  return {
    name: `host-${at}.example.net`,
    labels: { site: `site-${at % 100}`, rack: `rack-${at % 5_000}`, role: "web", os: `os-${at % 7}` },
  };
});
const run = new GuardRun();
measure("ledger: reserve", targets.length, () => {
  run.move(reserveTargets(run.guard, { workflow: A, targets, uses: ["file", "service"], principal: "ann" }, 1_000_000));
});
measure("ledger: touch", targets.length, () => {
  for (const { name } of targets) run.move(touchTarget(run.guard, { workflow: A, target: name, uses: "file" }, 1_000_001));
});
measure("ledger: a reader that leaves all of them out, 100 sites", 100, () => {
  const reader = ledgerReader(run.guard, { nowMs: 1_000_001, except: targets.map(({ name }) => name) });
  for (let site = 0; site < 100; site++) reader.touched("1h", { kind: "label", label: "site", value: `site-${site}` });
});
measure("ledger: settle", targets.length, () => {
  const settled = targets.map(({ name }) => ({ target: name, failedUses: [] }));
  run.move(settleTargets(run.guard, A, settled, 1_000_002));
});
measure("ledger: expire from the first window", targets.length, () => ledgerTouched(run.guard, "1h", { kind: "all" }, 5_000_000));
measure("replay of all that", run.events.length, () => run.replayed());
printTable("The guard: 200,000 tasks, 100,000 targets", rows);
