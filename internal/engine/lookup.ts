// Finds workflows: open ones in memory, ended ones by replaying their events when somebody asks for more than their last status.
// 1. What is open is found by ID or key; a key leads to its open workflow, else to the last one that bore it.

import { HoldfastError } from "../base/errors.ts";
import { WorkflowId, seq, timeMs, workflowStream } from "../base/ids.ts";
import { ENDED_WORKFLOWS_CACHED_MAX } from "../base/limits.ts";
import { applyEvent, foldFirst, follows } from "../workflow/apply.ts";
import type { WorkflowState } from "../workflow/state.ts";
import type { Ref } from "./face.ts";
import type { Journal, WorkflowRecord } from "./ports.ts";

const LOST_SHOWN_MAX = 8;

/** The namespace that is meant when none is named. */
export const NAMESPACE_DEFAULT = "default";

/** What finds workflows without replaying them. */
export type FindsWorkflows = Pick<Journal, "record" | "findByKey" | "lostBatches">;

/** Finds the ID that a reference means; throws NOT_FOUND. */
export function resolveRef(journal: FindsWorkflows, ref: Ref): WorkflowId {
  if (WorkflowId.is(ref.id)) {
    if (journal.record(ref.id) !== undefined) return ref.id;
    throw workflowNotFound(journal, ref.id);
  }
  const namespace = ref.namespace === "" ? NAMESPACE_DEFAULT : ref.namespace;
  const found = journal.findByKey(namespace, ref.id);
  if (found !== undefined) return found;
  throw new HoldfastError(
    "NOT_FOUND",
    `no workflow in namespace "${namespace}" has that ID or key; "holdfast list --namespace ${namespace}" shows those there are${lostWords(journal)}`,
  );
}

/** The error for a workflow that does not exist, or that the asker may not know of. */
export function workflowNotFound(journal: FindsWorkflows, id: WorkflowId): HoldfastError {
  return new HoldfastError("NOT_FOUND", `there is no workflow ${id}; "holdfast list" shows those there are${lostWords(journal)}`);
}

/** Whoever was told that a workflow exists must hear that the journal has lost what might have been it. */
function lostWords({ lostBatches }: FindsWorkflows): string {
  if (lostBatches.length === 0) return "";
  const shown = lostBatches.slice(0, LOST_SHOWN_MAX).map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`));
  const more = lostBatches.length > shown.length ? ` and ${lostBatches.length - shown.length} more runs` : "";
  return `; the journal lacks batches ${shown.join(", ")}${more}, and it may have been in them: see "holdfast journal verify"`;
}

/** The record of a damaged workflow; undefined where it is damaged too, which must not keep the other workflows from going on. */
export function readableRecord(journal: FindsWorkflows, id: WorkflowId): WorkflowRecord | undefined {
  try {
    return journal.record(id);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "DATA_LOSS") return undefined;
    throw error;
  }
}

/** Folds all events of a workflow that are on disk, but for what a cut under way has left of older generations. Throws DATA_LOSS at damage. */
export async function replay(journal: Journal, id: WorkflowId): Promise<WorkflowState> {
  let state: WorkflowState | undefined;
  for await (const frame of journal.readFrames(workflowStream(id), { afterSeq: seq(0) })) {
    for (const [offset, event] of frame.events.entries()) {
      const atMs = timeMs(frame.timeMs + event.afterMs);
      if (state === undefined) state = foldFirst(event, atMs);
      else if (follows(state, event, frame.firstSeq + offset)) applyEvent(state, event, atMs);
    }
  }
  if (state === undefined)
    throw new HoldfastError(
      "DATA_LOSS",
      `JOURNAL_CORRUPT: the journal knows workflow ${id} and holds none of its events; see "holdfast journal verify"`,
    );
  return state;
}

/** A few replayed states of ended workflows, the last used kept. */
export class EndedCache {
  readonly #states = new Map<WorkflowId, Promise<WorkflowState>>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get(id: WorkflowId): Promise<WorkflowState> {
    const found = this.#states.get(id) ?? replay(this.#journal, id);
    this.#states.delete(id);
    this.#states.set(id, found);
    this.#dropOldest();
    found.catch(() => this.#states.delete(id));
    return found;
  }

  /** Puts a state that has just ended; it need not be read back. */
  put(id: WorkflowId, state: WorkflowState): void {
    this.#states.set(id, Promise.resolve(state));
    this.#dropOldest();
  }

  delete(id: WorkflowId): void {
    this.#states.delete(id);
  }

  #dropOldest(): void {
    const [oldest] = this.#states.keys();
    if (this.#states.size > ENDED_WORKFLOWS_CACHED_MAX && oldest !== undefined) this.#states.delete(oldest);
  }
}
