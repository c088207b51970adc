// The pure core of one workflow, driven by hand: commands in, event names out, no engine, no time but what a test says.
// 1. After every event the counts of the state are compared with a scan of its tasks and targets.

import { create, fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { timeMs } from "../../internal/base/ids.ts";
import { AttemptOutcome, Mode, WorkflowSubmittedSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { HoldKind } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { AttemptDetail, Hold } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { WorkflowDefinitionSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { applyEvent, foldFirst } from "../../internal/workflow/apply.ts";
import { placeOf, targetAt } from "../../internal/workflow/blueprint.ts";
import type { AttemptReport, Command } from "../../internal/workflow/commands.ts";
import { decide } from "../../internal/workflow/decide.ts";
import { nextStep } from "../../internal/workflow/dispatch.ts";
import { caused } from "../../internal/workflow/events.ts";
import type { Admission, Facts } from "../../internal/workflow/facts.ts";
import { targetHolds } from "../../internal/workflow/holds.ts";
import { freeKind } from "../../internal/workflow/parking.ts";
import type { WorkflowState } from "../../internal/workflow/state.ts";
import { isTargetDone } from "../../internal/workflow/target-run.ts";
import { TaskState } from "../../internal/workflow/task-state.ts";
import { aWorkflow, someTargets } from "./world.ts";

/** The ID of every drill's workflow. */
export const DRILL_ID = "019a9f1e-5c3a-7d10-8f00-0123456789ab";

interface DrillOptions {
  readonly definition?: JsonValue;
  readonly targets?: number;
  readonly mode?: Mode;
  readonly params?: { readonly [name: string]: string | number };
}

/** A workflow's core in a test's hands. */
export class Drill {
  readonly state: WorkflowState;
  /** All that happened after the Submit. */
  readonly events: { readonly seq: number; readonly atMs: number; readonly event: Event }[] = [];
  readonly details = new Map<number, AttemptDetail>();
  /** Targets whose lock another workflow holds. */
  readonly lockedTargets = new Set<string>();
  /** Targets that a freeze stops. */
  readonly frozenTargets = new Set<string>();
  /** True: a freeze stops all of it. */
  isFrozen = false;
  /** True: a limit that each of its tasks takes is full. */
  isLimitFull = false;
  nowMs = 1_000;
  /** True: the turn has no more to give, and nothing is begun in it. */
  isSpent = false;
  /** True: gates hold it, and nobody judges. */
  isGated = false;
  fraction = 0.5;

  constructor({ definition = aWorkflow(), targets = 3, mode = Mode.APPLY, params = {} }: DrillOptions = {}) {
    const submitted = create(WorkflowSubmittedSchema, {
      id: DRILL_ID,
      definition: fromJson(WorkflowDefinitionSchema, definition),
      targets: [...someTargets(targets)],
      namespace: "default",
      digest: `sha256:${"0".repeat(64)}`,
      mode,
      params,
      expiresAfterMs: 3_600_000,
    });
    this.state = foldFirst(caused("ann", "workflowSubmitted", submitted), timeMs(0));
  }

  get facts(): Facts {
    return {
      nowMs: timeMs(this.nowMs),
      fraction: () => this.fraction,
      detail: (task) => this.details.get(task),
      keep: (detail) => void this.details.set(detail.task, detail),
      canLock: (task) => !this.lockedTargets.has(this.#targetName(task)),
      isGated: () => this.isGated,
      admit: (task) => this.#admit(task),
      isSpent: () => this.isSpent,
      freeze: () => (this.#hasFreeze ? { names: ["f1"], isWhole: this.isFrozen, isAbort: true } : undefined),
      isFrozen: (task) => this.#isFrozen(task),
      isPauseOver: () => this.nowMs >= (this.state.stageRun?.resumeAtMs ?? 0),
    };
  }

  /** What a command does, and what follows by itself: `AttemptStarted h0/apply`. */
  take(command: Command): readonly string[] {
    const events = [...decide(this.state, command, this.facts)];
    for (const event of events) this.#apply(event);
    return [...events.map((event) => this.#text(event)), ...this.follow()];
  }

  /** Why a target stands where it stands: the first reason. */
  hold(ordinal: number): Hold | undefined {
    return targetHolds(this.state, ordinal, { ...this.facts, lockHolders: () => "" })[0];
  }

  /** What follows by itself. */
  follow(): readonly string[] {
    const texts: string[] = [];
    for (let event = nextStep(this.state, this.facts); event !== undefined; event = nextStep(this.state, this.facts)) {
      this.#apply(event);
      texts.push(this.#text(event));
      if (texts.length > 10_000) throw new Error("it never comes to rest");
    }
    return texts;
  }

  /** What follows when freezes and limits are looked at again. */
  lookAgain(): readonly string[] {
    freeKind(this.state, HoldKind.FREEZE);
    freeKind(this.state, HoldKind.LIMIT);
    return this.follow();
  }

  exec(): readonly string[] {
    return this.take({ kind: "exec", by: "ann", digest: "" });
  }

  startApply(task: number): readonly string[] {
    return this.take({ kind: "startApply", task, attempt: this.state.tasks.attempts[task] ?? 0, before: "b" });
  }

  end(task: number, outcome: AttemptOutcome, parts: Partial<AttemptReport> = {}): readonly string[] {
    const attempt = this.state.tasks.attempts[task] ?? 0;
    const report = {
      task,
      attempt,
      outcome,
      before: "",
      after: "",
      error: "",
      isRetryable: true,
      detail: undefined,
      detailCrc: 0,
      ...parts,
    };
    return this.take({ kind: "endAttempt", report });
  }

  /** Ends the attempt as one that changed something. */
  change(task: number): readonly string[] {
    return [...this.startApply(task), ...this.end(task, AttemptOutcome.CHANGED)];
  }

  #apply(event: Event): void {
    applyEvent(this.state, event, timeMs(this.nowMs));
    this.events.push({ seq: this.state.seq, atMs: this.nowMs, event });
    for (const stage of this.state.blueprint.stages) {
      for (const state of Object.values(TaskState)) {
        let scanned = 0;
        for (let task = stage.firstTask; task < stage.firstTask + stage.width * stage.actions.length; task++)
          if (this.state.tasks.get(task) === state) scanned += 1;
        if (scanned !== this.state.tasks.count(stage.index, state))
          throw new Error(`the count of tasks in state ${state} is not what a scan finds`);
      }
    }
    this.#checkRisk();
  }

  #checkRisk(): void {
    const { risk, targetsAtRisk, stageRun } = this.state;
    if (targetsAtRisk !== risk.filter((flags) => flags !== 0).length)
      throw new Error("the count of targets at risk is not what a scan finds");
    if (stageRun === undefined || !stageRun.stage.isOverTargets) return;
    const { inFlight, yielded, held, returning, atRiskToBegin, nextOrdinal, roomKept } = stageRun;
    if (roomKept !== [...inFlight, ...yielded].filter((ordinal) => risk[ordinal] === 0).length)
      throw new Error("the count of targets that keep room is not what a scan finds");
    const { first = 0, count = 0 } = stageRun.stage.waves[stageRun.wave] ?? {};
    const unbegun = Array.from({ length: stageRun.isInWave ? count : 0 }, (_, at) => first + at).filter(
      (ordinal) => ![inFlight, held, returning].some((set) => set.has(ordinal)) && !isTargetDone(this.state, stageRun.stage, ordinal),
    );
    if (stageRun.isInWave && nextOrdinal !== (unbegun[0] ?? first + count))
      throw new Error("the next target to begin is not what a scan finds");
    if ([...atRiskToBegin].join() !== unbegun.filter((ordinal) => risk[ordinal] !== 0).join())
      throw new Error("the targets that need no room are not what a scan finds");
  }

  get #hasFreeze(): boolean {
    return this.isFrozen || this.frozenTargets.size > 0;
  }

  #isFrozen(task: number): boolean {
    return this.isFrozen || this.frozenTargets.has(this.#targetName(task));
  }

  #admit(task: number): Admission {
    const held = (key: string, kind: HoldKind): Admission => ({ kind: "held", held: { key, kind, message: "", isShared: true } });
    if (this.#isFrozen(task)) return held(`freeze:${this.#targetName(task)}`, HoldKind.FREEZE);
    return this.isLimitFull ? held("limit", HoldKind.LIMIT) : { kind: "go", rulesAllowed: 0 };
  }

  #targetName(task: number): string {
    const { stage, ordinal } = placeOf(this.state.blueprint, task);
    return targetAt(this.state.blueprint, stage, ordinal)?.name ?? "";
  }

  #text({ kind }: Event): string {
    const name = kind.case ?? "";
    if (kind.case === undefined || !("task" in kind.value)) return name;
    const { stage, ordinal, action } = placeOf(this.state.blueprint, kind.value.task);
    const outcome =
      kind.case === "attemptEnded"
        ? ` ${kind.value.outcome === AttemptOutcome.DEFERRED ? `deferred ${kind.value.deferredFor}` : kind.value.outcome}`
        : "";
    return `${name} ${targetAt(this.state.blueprint, stage, ordinal)?.name ?? stage.name}/${action.name}${outcome}`;
  }
}
