// The attempts of one workflow that are under way in this process. Which ones there should be is the state's to say.
// 1. An attempt is started only when the event that started it is on disk, and never twice in one life of the process.
// 2. A cancel or a passed deadline that is on disk aborts what runs, and so does a freeze that says so; the attempt still reports how it really ended.

import { AssertionError } from "../base/assert.ts";
import { ATTEMPT_WATCHDOG_GRACE_MS } from "../base/limits.ts";
import type { AttemptReport } from "../workflow/commands.ts";
import { encodeDetail } from "../workflow/detail-codec.ts";
import { isOverdueHere } from "../workflow/deadlines.ts";
import { placeOf } from "../workflow/blueprint.ts";
import type { RunningTask, WorkflowState } from "../workflow/state.ts";
import { AttemptOutcome, DeferReason } from "../gen/holdfast/v1/event_pb.ts";
import type { AttemptHost } from "./attempt-host.ts";
import { attemptTimeMs } from "./attempt-prepare.ts";
import { runAttempt } from "./attempt-run.ts";

interface Handle {
  readonly attempt: number;
  readonly abort: AbortController;
  isOverdue: boolean;
  /** A freeze ended it. */
  isFrozen: boolean;
}

/** Starts and aborts attempts so that they follow the state. */
export class Attempts {
  readonly #host: AttemptHost;
  readonly #onFatal: (error: unknown) => void;
  readonly #handles = new Map<number, Handle>();

  constructor(host: AttemptHost, onFatal: (error: unknown) => void) {
    this.#host = host;
    this.#onFatal = onFatal;
  }

  /** Starts what should run and does not, aborts what should not run any more. */
  reconcile(): void {
    const { state } = this.#host;
    for (const [task, running] of state.running) this.#startIfMissing(task, running);
    if (state.isCancelRequested || state.stageRun?.isOverdue === true)
      for (const [task, handle] of this.#handles) if (isStopping(state, task)) handle.abort.abort();
    if (state.isCancelRequested) return;
    if (state.freeze?.isAbort === true) for (const [task, handle] of this.#handles) this.#abortIfFrozen(task, handle);
  }

  #abortIfFrozen(task: number, handle: Handle): void {
    if (handle.isFrozen || !this.#host.isAborted(task)) return;
    handle.isFrozen = true;
    handle.abort.abort();
  }

  #startIfMissing(task: number, running: RunningTask | undefined): void {
    if (running === undefined || this.#host.state.awaiting.has(task) || this.#handles.has(task) || running.startSeq > this.#host.durableSeq)
      return;
    this.#start(task, running);
  }

  #start(task: number, running: RunningTask): void {
    const handle: Handle = { attempt: running.attempt, abort: new AbortController(), isOverdue: false, isFrozen: false };
    this.#handles.set(task, handle);
    void this.#run(task, running, handle).catch((error: unknown) => this.#failed(error));
    if (isStopping(this.#host.state, task)) handle.abort.abort();
  }

  async #run(task: number, running: RunningTask, handle: Handle): Promise<void> {
    const cancelWatchdog = this.#watch(task, running, handle);
    const report = await runAttempt(this.#host, { task, running: { ...running } }, handle.abort.signal);
    cancelWatchdog();
    if (report !== undefined) await this.#host.post({ kind: "endAttempt", report: this.#reportOf(task, handle, report) });
    // Only now: before its end is on disk the state still says that it runs, and it would be started twice.
    this.#handles.delete(task);
    this.#startIfMissing(task, this.#host.state.running.get(task));
  }

  #reportOf(task: number, handle: Handle, report: AttemptReport): AttemptReport {
    if (!handle.isFrozen || this.#host.state.isCancelRequested) return overdueReport(handle, report);
    return frozenReport(report, this.#host.state.running.get(task)?.before !== undefined);
  }

  /** Actions keep their own time; the watchdog ends one that does not, well after its time is over. */
  #watch(task: number, running: RunningTask, handle: Handle): () => void {
    const { clock } = this.#host.ports;
    const timeMs = attemptTimeMs(this.#host.state, { task, running, nowMs: clock.nowMs() });
    return clock.after(timeMs + ATTEMPT_WATCHDOG_GRACE_MS, () => {
      handle.isOverdue = true;
      handle.abort.abort();
    });
  }

  /** A refused post means that the service is stopping; anything else that an attempt throws is a bug. */
  #failed(error: unknown): void {
    if (error instanceof AssertionError || !(error instanceof Error) || error.name !== "HoldfastError") this.#onFatal(error);
  }
}

/** True when the attempt is to be ended: the workflow is being cancelled, or the time of its stage is over. */
function isStopping(state: WorkflowState, task: number): boolean {
  if (state.isCancelRequested) return true;
  return state.stageRun?.isOverdue === true && isOverdueHere(state, placeOf(state.blueprint, task).action);
}

/** A freeze ended it: it begins again after the thaw, unless it had begun to change something and must not be repeated blindly. */
function frozenReport(report: AttemptReport, hasBegun: boolean): AttemptReport {
  // What may be repeated is looked at again after the thaw, however little is known of it now.
  const isOpen = report.outcome === AttemptOutcome.UNKNOWN && !report.isUnsafe;
  if (report.outcome !== AttemptOutcome.CANCELLED && !isOpen) return report;
  if (!hasBegun || !report.isUnsafe) return { ...report, outcome: AttemptOutcome.DEFERRED, deferredFor: DeferReason.FROZEN, error: "" };
  const error =
    "a freeze ended it while it was changing something; nobody can say how much of it was done: look at the target, then resolve it";
  return withError({ ...report, outcome: AttemptOutcome.UNKNOWN, isRetryable: false }, error);
}

/** Nobody asked for a cancel when the watchdog aborted: it was the time that was over. */
function overdueReport(handle: Handle, report: AttemptReport): AttemptReport {
  if (!handle.isOverdue || report.outcome !== AttemptOutcome.CANCELLED) return report;
  const error = "it did not end in its time and was ended; raise `timeout`, or see why it takes so long";
  return withError({ ...report, outcome: AttemptOutcome.FAILED, isRetryable: true, isTimedOut: true }, error);
}

function withError(report: AttemptReport, error: string): AttemptReport {
  if (report.detail === undefined) return { ...report, error };
  const detail = { ...report.detail, error };
  return { ...report, error, detail, detailCrc: encodeDetail(detail).crc };
}
