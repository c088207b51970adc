import { expect, test } from "vitest";
import { applyGuardEvent, emptyGuard } from "../guard/guard.ts";
import type { GuardState } from "../guard/guard.ts";
import { ledgerTouched } from "../guard/ledger.ts";
import type { LedgerDimension } from "../guard/ledger.ts";
import { OPERATOR, aGuardedWorld } from "../../test/fakes/guarded-world.ts";
import type { GuardedWorld } from "../../test/fakes/guarded-world.ts";
import { aRule } from "../../test/fakes/policy-text.ts";
import { retryOf } from "../../test/fakes/retry-request.ts";

const some = (...names: string[]) => ({ targets: { names } });

/** The guard, folded anew from its stream. */
function rebuilt(world: GuardedWorld): GuardState {
  const guard = emptyGuard();
  for (const { guardEvents } of world.journal.entries) for (const event of guardEvents) applyGuardEvent(guard, event);
  return guard;
}

const DIMENSIONS: readonly (readonly [LedgerDimension, number])[] = [
  [{ kind: "all" }, 3],
  [{ kind: "label", label: "site", value: "ams" }, 2],
  [{ kind: "label", label: "site", value: "fra" }, 1],
  [{ kind: "action", uses: "set" }, 3],
  [{ kind: "action", uses: "touch" }, 0],
  [{ kind: "principal", name: "olga" }, 2],
  [{ kind: "principal", name: "ann" }, 1],
];

test("what was touched counts by label, action and principal, in its windows", async () => {
  const world = await aGuardedWorld({ targets: 4 });
  await world.launch(some("h0", "h1"));
  await world.launch(some("h2"), { by: { name: "ann", roles: [] } });
  const guard = rebuilt(world);
  const nowMs = guard.clock.lastMs;
  for (const [dimension, count] of DIMENSIONS) expect(ledgerTouched(guard, "1h", dimension, nowMs).count).toBe(count);
  expect(ledgerTouched(guard, "1h", { kind: "all" }, nowMs + 3_600_001).count).toBe(0);
  expect(ledgerTouched(rebuilt(world), "24h", { kind: "all" }, nowMs + 3_600_001).count).toBe(3);
});

test("a Retry of a failed workflow does not count its own targets twice, and others count them", async () => {
  const rule = aRule({ gates: "wave", expr: 'ledger.touchedTotal("1h") + size(targets) <= 3', enforcement: "wait" });
  const world = await aGuardedWorld({ targets: 4, policies: [rule] });
  world.fleet.trouble("h0", "apply", "fail");
  const id = await world.launch(some("h0", "h1", "h2"));
  expect(await world.phase(id)).toBe("FAILED");
  await world.engine.retry(OPERATOR, retryOf({ id, namespace: "" }, "again"));
  await world.settle();
  await world.pass(61);
  expect(await world.phase(id)).toBe("SUCCEEDED");
  const other = await world.launch(some("h3"));
  expect(await world.phase(other)).toBe("RUNNING");
  await world.pass(3_700);
  expect(await world.phase(other)).toBe("SUCCEEDED");
});
