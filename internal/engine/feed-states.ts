// States of workflows as of a place in the journal, folded a second time: who waits for a person, and what the stages and targets are called.
// 1. What it answers follows from the events up to that place alone, so that reading the journal again gives the same answer (H4).
// 2. States are kept, FEED_STATES_MAX of them; one that was dropped is folded anew. One question is answered at a time.

import { toJson } from "@bufbuild/protobuf";
import { HoldfastError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { RecentMap } from "../base/recent-map.ts";
import type { WorkflowId } from "../base/ids.ts";
import { seq, timeMs, workflowStream } from "../base/ids.ts";
import { FEED_HOLDS_SHOWN_MAX, FEED_ITEM_NAMES_MAX, FEED_STATES_MAX, FEED_STATE_TASKS_MAX } from "../base/sink-limits.ts";
import { Decision, Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { HoldSchema, Phase } from "../gen/holdfast/v1/status_pb.ts";
import { applyEvent, foldFirst, follows } from "../workflow/apply.ts";
import type { Blueprint } from "../workflow/blueprint.ts";
import { workflowHolds } from "../workflow/holds.ts";
import { isOutOfRoom } from "../workflow/room-at-risk.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { phaseOf } from "../workflow/status.ts";
import { ItemNames } from "./item-names.ts";
import type { Journal, JournalFrame } from "./ports.ts";

interface Kept {
  readonly state: WorkflowState;
  /** For what it was told that it waits, as far as that holds. */
  readonly told: Reasons;
  /** The last question about it that was answered: frames from this event on. */
  asked: { readonly firstSeq: number; readonly answer: JsonObject | undefined } | undefined;
}

/** States for the feed. */
export class FeedStates {
  readonly #journal: Pick<Journal, "readFrames">;
  readonly #kept = new Map<WorkflowId, Kept>();
  readonly #names = new RecentMap<WorkflowId, ItemNames>(FEED_ITEM_NAMES_MAX);
  #tasks = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(journal: Pick<Journal, "readFrames">) {
    this.#journal = journal;
  }

  /** What the workflow is made of, with the items of its lists as they were at the event of that number. */
  blueprint(id: WorkflowId, number: number): Promise<Blueprint> {
    return this.#inTurn(async () => {
      const { blueprint } = (this.#kept.get(id) ?? (await this.#fold(id, 1))).state;
      return blueprint.stages.every(({ list }) => list === undefined) ? blueprint : this.#itemNames(id).at(blueprint, number);
    });
  }

  #itemNames(id: WorkflowId): ItemNames {
    return this.#names.take(id, () => new ItemNames(this.#journal));
  }

  /** Whether the workflow began to wait for a person in these frames, which are all that one batch has of it; undefined: it did not. */
  beganToWait(id: WorkflowId, frames: readonly JournalFrame[]): Promise<JsonObject | undefined> {
    return this.#inTurn(() => this.#beganToWait(id, frames));
  }

  async #beganToWait(id: WorkflowId, frames: readonly JournalFrame[]): Promise<JsonObject | undefined> {
    const firstSeq = frames[0]?.firstSeq ?? 1;
    const known = this.#kept.get(id);
    if (known?.asked?.firstSeq === firstSeq) return known.asked.answer;
    // A generation needs nothing of those before it, and they may not be kept.
    const beginsAnew = frames[0]?.events[0]?.kind.case === "continuedAsNew";
    const kept = await this.#fold(id, beginsAnew ? 1 : firstSeq - 1);
    let isNew = false;
    for (const frame of frames) isNew = applyFrame(kept, frame) || isNew;
    const answer = isNew ? shownReasons(kept.state) : undefined;
    kept.asked = { firstSeq, answer };
    return answer;
  }

  /** The state after an event (or, for 0, after the first one), from what is kept or from the journal. */
  async #fold(id: WorkflowId, lastSeq: number): Promise<Kept> {
    const wanted = Math.max(1, lastSeq);
    let kept = this.#kept.get(id);
    if (kept !== undefined && kept.state.seq > wanted) kept = undefined;
    if (kept?.state.seq !== wanted)
      for await (const frame of this.#journal.readFrames(workflowStream(id), { afterSeq: seq(kept?.state.seq ?? 0) })) {
        const [first] = frame.events;
        if (kept === undefined && first !== undefined)
          kept = { state: foldFirst(first, timeMs(frame.timeMs + first.afterMs)), told: { ...NOTHING_TOLD }, asked: undefined };
        if (kept === undefined || (kept.state.seq >= wanted && frame.firstSeq > wanted)) break;
        applyFrame(kept, { ...frame, events: frame.events.slice(0, Math.max(0, wanted - frame.firstSeq + 1)) });
        if (kept.state.seq >= wanted) break;
      }
    if (kept === undefined || kept.state.seq < wanted)
      throw new HoldfastError(
        "DATA_LOSS",
        `JOURNAL_CORRUPT: events of workflow ${id} up to ${wanted} are missing; see "holdfast journal verify"`,
      );
    return this.#keep(id, kept);
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

/** Why a workflow waits for a person. */
interface Reasons {
  unknown: number;
  isOutOfRoom: boolean;
  isGateHeld: boolean;
  /** None of these. */
  isOther: boolean;
}

const NOTHING_TOLD: Reasons = { unknown: 0, isOutOfRoom: false, isGateHeld: false, isOther: false };

/**
 * Folds what is new in a frame, which holds whole turns; true when the workflow then waits for a person for a reason that was not told and was not
 * gone in between, or when a rule of the task gate began to hold a task until people act.
 */
function applyFrame({ state, told }: Kept, frame: JournalFrame): boolean {
  let isRuleHeld = false;
  for (const [offset, event] of frame.events.entries()) {
    if (!follows(state, event, frame.firstSeq + offset)) continue;
    applyEvent(state, event, timeMs(frame.timeMs + event.afterMs));
    if (event.kind.case === "continuedAsNew") Object.assign(told, NOTHING_TOLD);
    if (event.kind.case !== "verdictGiven") continue;
    const verdict = event.kind.value.verdict;
    isRuleHeld ||= verdict?.gate === Gate.TASK && (verdict.decision === Decision.APPROVE || verdict.decision === Decision.DENY);
  }
  const isWaiting = phaseOf(state) === Phase.WAITING;
  const now = reasonsOf(state, isWaiting);
  const isNew =
    now.unknown > told.unknown ||
    (now.isOutOfRoom && !told.isOutOfRoom) ||
    (now.isGateHeld && !told.isGateHeld) ||
    (now.isOther && !told.isOther);
  const isTold = isWaiting && isNew;
  told.unknown = isTold ? now.unknown : Math.min(now.unknown, told.unknown);
  told.isOutOfRoom = now.isOutOfRoom && (isTold || told.isOutOfRoom);
  told.isGateHeld = now.isGateHeld && (isTold || told.isGateHeld);
  told.isOther = now.isOther && (isTold || told.isOther);
  return isTold || isRuleHeld;
}

function reasonsOf(state: WorkflowState, isWaiting: boolean): Reasons {
  const { unknown } = state.tasks.totalCounts();
  const isOut = state.stageRun !== undefined && isOutOfRoom(state, state.stageRun);
  const isGateHeld = state.gateHeld !== undefined;
  return { unknown, isOutOfRoom: isOut, isGateHeld, isOther: isWaiting && unknown === 0 && !isOut && !isGateHeld };
}

function shownReasons(state: WorkflowState): JsonObject {
  const holds = workflowHolds(state).slice(0, FEED_HOLDS_SHOWN_MAX);
  return { waitingFor: holds.map((hold) => toJson(HoldSchema, hold)) };
}
