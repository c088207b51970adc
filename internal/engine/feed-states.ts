// States of workflows as of a place in the journal, folded a second time: who waits for a person, and what the stages and targets are called.
// 1. What it answers follows from the events up to that place alone, so that reading the journal again gives the same answer (H4).
// 2. States are kept, FEED_STATES_MAX of them; one that was dropped is folded anew. One question is answered at a time.

import { toJson } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { WorkflowId } from "../base/ids.ts";
import { seq, timeMs, workflowStream } from "../base/ids.ts";
import { FEED_HOLDS_SHOWN_MAX, FEED_STATES_MAX, FEED_STATE_TASKS_MAX } from "../base/sink-limits.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { HoldSchema, Phase } from "../gen/holdfast/v1/status_pb.ts";
import { applyEvent, foldFirst } from "../workflow/apply.ts";
import type { Blueprint } from "../workflow/blueprint.ts";
import { workflowHolds } from "../workflow/holds.ts";
import { hasStalledByEvents } from "../workflow/stall.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { phaseOf } from "../workflow/status.ts";
import type { Journal, JournalFrame } from "./ports.ts";

interface Kept {
  state: WorkflowState;
  /** The last question about it that was answered: frames from this event on. */
  asked: { readonly firstSeq: number; readonly answer: JsonObject | undefined } | undefined;
}

/** States for the feed. */
export class FeedStates {
  readonly #journal: Pick<Journal, "readFrames">;
  readonly #kept = new Map<WorkflowId, Kept>();
  #tasks = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(journal: Pick<Journal, "readFrames">) {
    this.#journal = journal;
  }

  /** What the workflow is made of; it never changes. */
  blueprint(id: WorkflowId): Promise<Blueprint> {
    return this.#inTurn(async () => (this.#kept.get(id) ?? (await this.#fold(id, 1))).state.blueprint);
  }

  /** Whether the workflow began to wait for a person in these frames, which are all that one batch has of it; undefined: it did not. */
  beganToWait(id: WorkflowId, frames: readonly JournalFrame[]): Promise<JsonObject | undefined> {
    return this.#inTurn(() => this.#beganToWait(id, frames));
  }

  async #beganToWait(id: WorkflowId, frames: readonly JournalFrame[]): Promise<JsonObject | undefined> {
    const firstSeq = frames[0]?.firstSeq ?? 1;
    const known = this.#kept.get(id);
    if (known?.asked?.firstSeq === firstSeq) return known.asked.answer;
    const kept = await this.#fold(id, firstSeq - 1);
    const waited = kept.state.seq >= firstSeq ? false : waits(kept.state);
    const isRuleHeld = applyFrames(kept.state, frames);
    const answer = isRuleHeld || (!waited && waits(kept.state)) ? reasons(kept.state) : undefined;
    kept.asked = { firstSeq, answer };
    return answer;
  }

  /** The state after an event (or, for 0, after the first one), from what is kept or from the journal. */
  async #fold(id: WorkflowId, lastSeq: number): Promise<Kept> {
    const known = this.#kept.get(id);
    const start = known !== undefined && known.state.seq <= Math.max(1, lastSeq) ? known.state : undefined;
    const state = await this.#replay(id, start, Math.max(1, lastSeq));
    return this.#keep(id, { state, asked: undefined });
  }

  async #replay(id: WorkflowId, start: WorkflowState | undefined, lastSeq: number): Promise<WorkflowState> {
    let state = start;
    if (state !== undefined && state.seq >= lastSeq) return state;
    for await (const frame of this.#journal.readFrames(workflowStream(id), { afterSeq: seq(state?.seq ?? 0) })) {
      for (const event of frame.events) {
        const atMs = timeMs(frame.timeMs + event.afterMs);
        if (state === undefined) state = foldFirst(event, atMs);
        else applyEvent(state, event, atMs);
        if (state.seq >= lastSeq) return state;
      }
    }
    if (state === undefined || state.seq < lastSeq)
      throw new HoldfastError(
        "DATA_LOSS",
        `JOURNAL_CORRUPT: events of workflow ${id} up to ${lastSeq} are missing; see "holdfast journal verify"`,
      );
    return state;
  }

  #keep(id: WorkflowId, kept: Kept): Kept {
    this.#drop(id);
    this.#kept.set(id, kept);
    this.#tasks += weightOf(kept);
    for (const oldest of this.#kept.keys()) {
      if (oldest === id || (this.#kept.size <= FEED_STATES_MAX && this.#tasks <= FEED_STATE_TASKS_MAX)) break;
      this.#drop(oldest);
    }
    return kept;
  }

  #drop(id: WorkflowId): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#kept.delete(id);
    this.#tasks -= weightOf(kept);
  }

  /** A state moves on while it is read: whoever asks waits for the one before. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined); // whoever asked hears of it
    return result;
  }
}

function weightOf({ state }: Kept): number {
  return state.blueprint.tasks + state.blueprint.targets.length;
}

function waits(state: WorkflowState): boolean {
  return phaseOf(state) === Phase.WAITING && hasStalledByEvents(state);
}

/** Folds what is new in the frames; true when a rule of the task gate began to hold a task until people act. */
function applyFrames(state: WorkflowState, frames: readonly JournalFrame[]): boolean {
  let isRuleHeld = false;
  for (const frame of frames)
    for (const [offset, event] of frame.events.entries()) {
      if (frame.firstSeq + offset <= state.seq) continue;
      applyEvent(state, event, timeMs(frame.timeMs + event.afterMs));
      if (event.kind.case !== "verdictGiven") continue;
      const verdict = event.kind.value.verdict;
      isRuleHeld ||= verdict?.gate === Gate.TASK && (verdict.decision === Decision.APPROVE || verdict.decision === Decision.DENY);
    }
  return isRuleHeld;
}

function reasons(state: WorkflowState): JsonObject {
  const holds = workflowHolds(state).slice(0, FEED_HOLDS_SHOWN_MAX);
  return { waitingFor: holds.map((hold) => toJson(HoldSchema, hold)) };
}
