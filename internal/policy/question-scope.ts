// The values of names in the expressions of a gate, and the functions over fleet and ledger; what is read of the ledger is noted.
// 1. The names are those of vocabulary.ts. 2. Nothing is computed before an expression asks for it.

import { exprTimestamp } from "../expr/lift.ts";
import type { LedgerDimension, LedgerReader, LedgerReading, LedgerWindow, Person } from "../engine/ports.ts";
import type { TimeMs } from "../base/ids.ts";
import type { JsonObject } from "../base/json.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FleetCounts } from "./fleet-counts.ts";
import { targetView } from "./workflow-view.ts";
import type { WorkflowView } from "./workflow-view.ts";

/** What a gate knows, whichever policy is asked. */
export interface ScopeFacts {
  readonly view: WorkflowView;
  readonly submitter: Person;
  readonly approvals: readonly Person[];
  readonly nowMs: TimeMs;
  readonly targets: readonly Target[];
  readonly stage: number | undefined;
  readonly wave: number | undefined;
  /** At the task gate: the action's position and its target. */
  readonly task: { readonly action: number; readonly target: Target | undefined } | undefined;
  readonly fleet: () => FleetCounts;
  readonly ledger: ReadingLedger;
}

/** A ledger that remembers what was read. */
export class ReadingLedger {
  readonly #ledger: LedgerReader;
  readonly #readings = new Map<string, LedgerReading>();

  constructor(ledger: LedgerReader) {
    this.#ledger = ledger;
  }

  /** Reads a count; the same one is read once. */
  touched(window: LedgerWindow, dimension: LedgerDimension): number {
    const key = `${window} ${dimensionText(dimension)} ${dimensionValue(dimension)}`;
    const known = this.#readings.get(key);
    if (known !== undefined) return known.count;
    const reading = { window, dimension, ...this.#ledger.touched(window, dimension) };
    this.#readings.set(key, reading);
    return reading.count;
  }

  get readings(): readonly LedgerReading[] {
    return [...this.#readings.values()];
  }
}

/** The dimension as verdicts say it: `label:site`, `action`, `principal`, `all`. */
export function dimensionText(dimension: LedgerDimension): string {
  return dimension.kind === "label" ? `label:${dimension.label}` : dimension.kind;
}

/** Which of a dimension: a label's value, an action, a principal; empty for all. */
export function dimensionValue(dimension: LedgerDimension): string {
  if (dimension.kind === "label") return dimension.value;
  if (dimension.kind === "action") return dimension.uses;
  return dimension.kind === "principal" ? dimension.name : "";
}

/** What `match` may name. */
export function lastingScope(view: WorkflowView, submitter: Person, params: JsonObject): Readonly<Record<string, unknown>> {
  return { workflow: view.workflow, scope: view.scope, principal: submitter, params };
}

/** What a rule or a limit may name: everything that the gate knows. Shared by the policies of a gate. */
export function gateScope(facts: ScopeFacts): (params: JsonObject) => Readonly<Record<string, unknown>> {
  const { view, submitter, approvals, nowMs, targets, stage, wave, task, fleet, ledger } = facts;
  return (params) => ({
    workflow: view.workflow,
    scope: view.scope,
    principal: submitter,
    params,
    approvals: approvals.map(({ name, roles }) => ({ name, roles })),
    get now() {
      return exprTimestamp(nowMs);
    },
    get targets() {
      return targetViews(targets);
    },
    stage: stage === undefined ? undefined : view.stages[stage],
    wave,
    task: task === undefined || stage === undefined ? undefined : view.tasks[stage]?.[task.action],
    target: task === undefined ? undefined : targetView(task.target),
    "fleet.total": () => fleet().total(),
    "fleet.count": (label: string, value: string) => fleet().count(label, value),
    "fleet.values": (label: string) => fleet().values(label),
    "ledger.touched": (window: LedgerWindow, label: string, value: string) => ledger.touched(window, { kind: "label", label, value }),
    "ledger.touchedByAction": (window: LedgerWindow, uses: string) => ledger.touched(window, { kind: "action", uses }),
    "ledger.touchedByPrincipal": (window: LedgerWindow, name: string) => ledger.touched(window, { kind: "principal", name }),
    "ledger.touchedTotal": (window: LedgerWindow) => ledger.touched(window, { kind: "all" }),
  });
}

const views = new WeakMap<readonly Target[], readonly object[]>();

/** A list is the same at many gates: it is turned once. */
function targetViews(targets: readonly Target[]): readonly object[] {
  const known = views.get(targets) ?? targets.map(targetView);
  views.set(targets, known);
  return known;
}
