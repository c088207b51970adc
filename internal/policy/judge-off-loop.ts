// Judges gates where they hold nobody up: small ones at once on the event loop, large or dear ones in the worker thread.
// 1. Where it is judged changes no answer: what the loop's small budget does not suffice for is asked again in the worker, from the start.
// 2. The ledger stays here: counts that the worker asks for are read here, with versions, and the gate is judged again with them.
// 3. What takes too long, or asks for too many counts, is denied (H8).

import { HoldfastError } from "../base/errors.ts";
import { EXPR_COST_WORKER_MAX, GATE_COST_WORKER_MAX } from "../base/limits.ts";
import { JUDGE_LEDGER_COUNTS_MAX, JUDGE_LOOP_COST_MAX, JUDGE_LOOP_TARGETS_MAX, JUDGE_ROUNDS_MAX } from "../base/worker-limits.ts";
import { assert } from "../base/assert.ts";
import type { GateQuestion, Inventory, LedgerReading } from "../engine/ports.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import { budgetOf } from "./asking.ts";
import { denial } from "./finding.ts";
import { judgeGate } from "./gate-judge.ts";
import type { GateAnswer } from "./gate-judge.ts";
import type { GateJudge } from "./policies.ts";
import type { PolicySet } from "./policy-set.ts";
import type { WorkerCargo } from "./worker-cargo.ts";
import { LineOverdue } from "./worker-line.ts";
import type { WorkerLine } from "./worker-line.ts";
import type { FleetMessage, HeldKey, HeldTargets, JudgeMessage, Positions } from "./worker-message.ts";
import { positionsIn } from "./worker-packing.ts";
import type { WorkerThread } from "./worker-thread.ts";

/** What judging off the loop needs. */
export interface OffLoopOptions {
  readonly thread: WorkerThread;
  readonly cargo: WorkerCargo;
  /** The fleet that expressions count. */
  readonly inventory: Inventory;
}

/** A judge that never holds the event loop up for long. */
export function judgeOffLoop(options: OffLoopOptions): GateJudge {
  const fleet = lastFleet(options.inventory);
  return async (set, question, counts) => {
    const size = Math.max(question.targets.length, question.submitted.targets.length);
    if (size <= JUDGE_LOOP_TARGETS_MAX) {
      const budget = budgetOf({ exprCostMax: JUDGE_LOOP_COST_MAX, gateCostMax: JUDGE_LOOP_COST_MAX });
      const answer = judgeGate(set, question, { fleet: counts, budget });
      if (!budget.isExceeded) return answer;
    }
    try {
      return await options.thread.run((line) => judgeThere(line, { set, question, fleet: fleet(), ...options }));
    } catch (error) {
      if (!(error instanceof LineOverdue)) throw error;
      return refusal(set, question, `the rules of this gate could not be asked about ${size} targets: ${error.message}`);
    }
  };
}

interface There extends OffLoopOptions {
  readonly set: PolicySet;
  readonly question: GateQuestion;
  readonly fleet: Fleet;
}

async function judgeThere(line: WorkerLine, there: There): Promise<GateAnswer> {
  const { set, question } = there;
  const message = await judgeMessage(line, there);
  const counts = new Map<string, LedgerReading>();
  for (let round = 0; round < JUDGE_ROUNDS_MAX; round++) {
    const reply = await line.ask({ ...message, counts: [...counts.values()] });
    assert(reply.kind === "judged", "a gate that is judged has an answer");
    if (reply.asked.length === 0) return reply.answer;
    if (counts.size + reply.asked.length > JUDGE_LEDGER_COUNTS_MAX)
      return refusal(set, question, `the rules of this gate ask the ledger for more than ${JUDGE_LEDGER_COUNTS_MAX} counts`);
    for (const { window, dimension } of reply.asked)
      counts.set(JSON.stringify([window, dimension]), { window, dimension, ...question.ledger.touched(window, dimension) });
  }
  return refusal(set, question, `the rules of this gate ask the ledger for other counts each time, ${JUDGE_ROUNDS_MAX} times`);
}

async function judgeMessage(line: WorkerLine, { set, question, fleet, cargo }: There): Promise<JudgeMessage> {
  const { submitted, submitter, gate, stage, wave, nowMs, approvals } = question;
  const held = await heldFleet(line, { set, fleet, cargo });
  const workflow = await cargo.workflow(line, submitted, fleet.kind === "read" ? fleet.targets : []);
  const targets = await gateTargets(line, question, cargo);
  return {
    kind: "judge",
    workflow,
    set: cargo.policies(line, set),
    gate,
    stage,
    wave,
    nowMs,
    submitter: { name: submitter.name, roles: [...submitter.roles] },
    approvals: approvals.map(({ roles, ...given }) => ({ ...given, roles: [...roles] })),
    targets,
    fleet: held,
    counts: [],
    exprCostMax: EXPR_COST_WORKER_MAX,
    gateCostMax: GATE_COST_WORKER_MAX,
  };
}

/** The gate's targets are the workflow's, or some of them; a list of others is sent. */
async function gateTargets(
  line: WorkerLine,
  { targets, submitted }: GateQuestion,
  cargo: WorkerCargo,
): Promise<Positions | HeldTargets | undefined> {
  if (targets === submitted.targets) return undefined;
  const positions = positionsIn(submitted.targets, targets);
  return positions ?? { list: await cargo.list(line, targets), positions: undefined };
}

async function heldFleet(
  line: WorkerLine,
  { set, fleet, cargo }: { readonly set: PolicySet; readonly fleet: Fleet; readonly cargo: WorkerCargo },
): Promise<FleetMessage> {
  if (!asksFleet(set)) return { kind: "unasked" };
  if (fleet.kind === "broken") return { kind: "broken", code: fleet.error.code, message: fleet.error.message };
  const list: HeldKey = await cargo.list(line, fleet.targets);
  return { kind: "held", list };
}

function asksFleet({ all }: PolicySet): boolean {
  return all.some(({ rules }) =>
    rules.some(({ expr, message }) => [expr, message].some(({ calls }) => calls.some(({ name }) => name.startsWith("fleet.")))),
  );
}

type Fleet = { readonly kind: "read"; readonly targets: readonly Target[] } | { readonly kind: "broken"; readonly error: HoldfastError };

/** The inventory as it is now. While its sources are broken, as it was last: what runs goes on. */
function lastFleet(inventory: Inventory): () => Fleet {
  let last: Fleet | undefined;
  return () => {
    try {
      last = { kind: "read", targets: inventory.targets() };
      return last;
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      return last ?? { kind: "broken", error };
    }
  };
}

/** Denies, and is judged again as time goes on. */
function refusal({ newer }: PolicySet, { gate, targets }: GateQuestion, message: string): GateAnswer {
  const findings = [denial({ name: "", digest: "" }, message)];
  return { gate, findings, rulesAsked: 0, readings: [], targets: targets.length, current: newer, isTimeBound: true };
}
