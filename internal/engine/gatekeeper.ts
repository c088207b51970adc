// Has policies judge at the gate that a workflow stands before, and again when what they said may have changed.
// 1. Level-triggered: which gate is wanted follows from the state; a crash loses nothing but the asking.
// 2. At most one judgement of a workflow is under way. The turn that takes it makes sure that what it read has not moved since.

import { HoldfastError } from "../base/errors.ts";
import { GATE_REJUDGE_MS_MAX, GATE_REJUDGE_MS_MIN, SUBMIT_JUDGEMENTS_MAX, VERDICT_AGE_MS_MAX } from "../base/limits.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import { ledgerTouched } from "../guard/ledger.ts";
import type { GuardState } from "../guard/guard.ts";
import type { Command } from "../workflow/commands.ts";
import { wantedGate } from "../workflow/gates.ts";
import type { WantedGate } from "../workflow/gates.ts";
import { itemTarget } from "../workflow/list-plan.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { isTargetDone } from "../workflow/target-run.ts";
import type { Outside } from "./outside.ts";
import type { EnginePorts, GateQuestion, Judgement } from "./ports.ts";

/** How much longer than a judgement took the next one waits at least: so that judging never takes more than a twentieth of the time. */
const REST_FACTOR = 20;
/** How long a judgement rests that came too late. */
const STALE_REST_MS = 50;

/** What the gatekeeper needs of a workflow. */
export interface GateHost {
  readonly state: WorkflowState;
  readonly ports: EnginePorts;
  readonly guard: GuardState;
  /** The guard's time now. */
  guardMs(): number;
  /** What the world outside says to the workflow now. */
  outside(): Outside;
  post(command: Command): Promise<void>;
}

interface Last {
  readonly gate: WantedGate;
  readonly judgement: Judgement;
  readonly approvals: number;
  readonly restMs: number;
  readonly atMs: number;
}

/** The judge's doorkeeper of one workflow. */
export class Gatekeeper {
  readonly #host: GateHost;
  readonly #onFatal: (error: unknown) => void;
  #isJudging = false;
  #isClosed = false;
  /** Nobody could judge: it is not asked again before, by the monotonic clock. */
  #awayUntilMs = -Infinity;
  #last: Last | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(host: GateHost, onFatal: (error: unknown) => void) {
    this.#host = host;
    this.#onFatal = onFatal;
  }

  /** Looks whether a gate is to be judged now. */
  look(): void {
    if (this.#isJudging || this.#isClosed) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const gate = wantedGate(this.#host.state, this.#host.outside());
    if (gate === undefined) {
      this.#last = undefined;
      return;
    }
    const waitMs = this.#waitMs(gate);
    if (waitMs === 0) void this.#judge(gate).catch((error: unknown) => this.#onFatal(error));
    else if (waitMs !== undefined) this.#cancelTimer = this.#host.ports.clock.after(waitMs, () => this.look());
  }

  /** Judges a workflow that is about to be executed; resolves when the verdict is on disk. */
  async judgeExec(): Promise<Verdict | undefined> {
    if (!this.#host.outside().isGated(Gate.EXEC)) return undefined;
    const gate = { gate: Gate.EXEC, stage: 0, wave: 0 };
    const { ports, guard } = this.#host;
    for (let tries = 0; tries < SUBMIT_JUDGEMENTS_MAX; tries++) {
      const askedAtMs = ports.clock.nowMs();
      const judgement = await ports.policies.judge(this.#gateQuestion(gate));
      const isFresh = (): boolean => isStillSo(judgement, { guard, guardMs: this.#host.guardMs(), ports, askedAtMs });
      if (!isFresh()) continue;
      await this.#host.post({ kind: "judge", ...gate, verdict: judgement.verdict, isFresh });
      return judgement.verdict;
    }
    throw new HoldfastError("UNAVAILABLE", "what the policies look at moves again and again; ask again when it has settled");
  }

  /** Judges nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  /** How long until the gate is to be judged; undefined: only when policies or approvals change, or one of these ends. */
  #waitMs(gate: WantedGate): number | undefined {
    const awayMs = this.#awayUntilMs - this.#host.ports.clock.monotonicMs();
    if (awayMs > 0) return awayMs;
    const last = this.#last;
    if (last === undefined || !isSameGate(last.gate, gate)) return 0;
    const { state, ports } = this.#host;
    const hasMoved = ports.policies.revision !== last.judgement.revision || state.approvers.length !== last.approvals;
    if (hasMoved) return 0;
    const isDue = last.judgement.isTimeBound || last.judgement.verdict.decision === Decision.WAIT;
    // It was allowed, and still stands here: what was read had moved. Or a Retry forgot what holds it, which is to be said again.
    const isStale = last.judgement.verdict.decision === Decision.ALLOW || state.gateHeld === undefined;
    if (!isDue && !isStale) {
      const endMs = approvalsEndMs(last.judgement.verdict);
      return endMs === undefined ? undefined : Math.max(0, endMs - ports.clock.nowMs());
    }
    return Math.max(0, last.atMs + (isStale ? STALE_REST_MS : last.restMs) - ports.clock.monotonicMs());
  }

  async #judge(gate: WantedGate): Promise<void> {
    const { state, ports } = this.#host;
    const startMs = ports.clock.monotonicMs();
    const askedAtMs = ports.clock.nowMs();
    const approvals = state.approvers.length;
    this.#isJudging = true;
    const judgement = await this.#ask(gate);
    this.#isJudging = false;
    if (this.#isClosed) return;
    if (judgement === undefined) {
      this.#awayUntilMs = ports.clock.monotonicMs() + GATE_REJUDGE_MS_MIN;
      return this.look();
    }
    const endMs = ports.clock.monotonicMs();
    const restMs = Math.min(GATE_REJUDGE_MS_MAX, Math.max(GATE_REJUDGE_MS_MIN, REST_FACTOR * (endMs - startMs)));
    this.#last = { gate, judgement, approvals, restMs, atMs: endMs };
    const isFresh = (): boolean => isStillSo(judgement, { guard: this.#host.guard, guardMs: this.#host.guardMs(), ports, askedAtMs });
    await this.#host.post({ kind: "judge", ...gate, verdict: judgement.verdict, isFresh }).catch(() => undefined); // the service is stopping
    this.look();
  }

  /** The judgement; undefined: nobody can judge now, and it is asked again later. The gate stays closed. */
  async #ask(gate: WantedGate): Promise<Judgement | undefined> {
    try {
      return await this.#host.ports.policies.judge(this.#gateQuestion(gate));
    } catch (error) {
      const isLater = error instanceof HoldfastError && (error.code === "UNAVAILABLE" || error.code === "RESOURCE_EXHAUSTED");
      if (!isLater) throw error;
      return undefined;
    }
  }

  #gateQuestion(gate: WantedGate): GateQuestion {
    if (gate.gate === Gate.EXPAND) return this.#expandQuestion(gate);
    const targets = gate.gate === Gate.WAVE ? this.#waveTargets(gate) : this.#host.state.blueprint.targets;
    const place = gate.gate === Gate.WAVE ? { stage: gate.stage, wave: gate.wave } : {};
    return { ...this.#host.outside().question(targets.map(({ name }) => name)), gate: gate.gate, targets, ...place };
  }

  /** Items stand as targets without labels; in the ledger they are nobody. */
  #expandQuestion({ gate, stage }: WantedGate): GateQuestion {
    const items = this.#host.state.blueprint.stages[stage]?.list?.items ?? [];
    const targets = items.flatMap((item) => itemTarget(item) ?? []);
    return { ...this.#host.outside().question([]), gate, targets, stage };
  }

  #waveTargets({ stage: index, wave }: WantedGate): readonly Target[] {
    const { state } = this.#host;
    const stage = state.blueprint.stages[index];
    const { first = 0, count = 0 } = stage?.waves[wave] ?? {};
    const targets = state.blueprint.targets.slice(first, first + count);
    return stage === undefined ? targets : targets.filter((_, at) => !isTargetDone(state, stage, first + at));
  }
}

/** True when what a judgement read has not moved, the policies are the same, the moment it is about is near, and no approval in it has ended. */
export function isStillSo(
  { verdict, reads, revision }: Judgement,
  now: { readonly guard: GuardState; readonly guardMs: number; readonly ports: EnginePorts; readonly askedAtMs: number },
): boolean {
  const { guard, guardMs, ports, askedAtMs } = now;
  const nowMs = ports.clock.nowMs();
  if (revision !== ports.policies.revision || Math.abs(nowMs - askedAtMs) > VERDICT_AGE_MS_MAX) return false;
  if (nowMs >= (approvalsEndMs(verdict) ?? Infinity)) return false;
  return reads.every(({ window, dimension, version }) => ledgerTouched(guard, window, dimension, guardMs).version === version);
}

/** When the first of the approvals that counted ends: from then on one more is asked for. */
function approvalsEndMs({ rules }: Verdict): number | undefined {
  const ends = rules.map((rule) => Number(rule.approvalsEndMs)).filter((endMs) => endMs > 0);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function isSameGate(one: WantedGate, other: WantedGate): boolean {
  return one.gate === other.gate && one.stage === other.stage && one.wave === other.wave;
}
