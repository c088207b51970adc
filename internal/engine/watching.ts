// Watching: a cursor over a workflow's events that moves on when more of them are on disk. No queue per watcher, so memory stays flat; what
// many watchers of one workflow have not seen is read once for all of them.
// 1. A watcher sees only what is on disk (H3), in order, without gaps; its last number is where it resumes.
// 2. It ends after the workflow's end, never before.

import { create } from "@bufbuild/protobuf";
import type { Phase, WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type { WatchResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { WatchResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { HoldfastError } from "../base/errors.ts";
import { WATCH_SHARED_EVENTS_MAX } from "../base/limits.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { isEnded, isStill, phaseOf, statusOf } from "../workflow/status.ts";
import { readEvents } from "./history.ts";
import type { Journal } from "./ports.ts";
import type { Runtime } from "./runtime.ts";

/** The workflow's runtime while it is open; undefined: it has ended and left memory, and all of it is on disk. */
export type FindsOpen = () => Runtime | undefined;

interface Watch {
  readonly journal: Journal;
  /** As it was when the watcher came; an ended workflow has no other. */
  readonly state: WorkflowState;
  readonly open: FindsOpen;
  readonly afterSeq: number;
  readonly isStatusOnly: boolean;
  readonly signal: AbortSignal;
}

/** Streams what happens after a number until the workflow's end or the abort. */
export async function* watch(watched: Watch): AsyncIterable<WatchResponse> {
  const { open, signal } = watched;
  let { state } = watched;
  let cursor = watched.afterSeq;
  let phase: Phase | undefined;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const runtime = open();
    // One that has left memory since stays as it was; one that a Retry opened again has a runtime, and moves on.
    state = runtime?.state ?? state;
    const shown = yield* news(watched, { state, runtime, cursor, phase, isFirst });
    ({ cursor, phase } = shown);
    if (shown.isEnd) return;
    // What holds a workflow back is no event: it may begin to wait for a person without one.
    await runtime?.when(() => runtime.durableSeq > cursor || phaseOf(runtime.state) !== phase, signal);
  }
}

interface Now {
  readonly state: WorkflowState;
  readonly runtime: Runtime | undefined;
  readonly cursor: number;
  /** What was last shown. */
  readonly phase: Phase | undefined;
  readonly isFirst: boolean;
}

interface Shown {
  readonly cursor: number;
  readonly phase: Phase | undefined;
  readonly isEnd: boolean;
}

/** What a watcher has not seen of a workflow, as it is now. A generator of its own: a watcher that waits for more keeps nothing of it. */
async function* news({ journal, isStatusOnly }: Watch, now: Now): AsyncGenerator<WatchResponse, Shown> {
  const { state, runtime, cursor, isFirst } = now;
  const last = state.seq;
  if (!isFirst && !isStatusOnly && last > cursor && last - cursor <= WATCH_SHARED_EVENTS_MAX) {
    const answer = await sharedAnswer(journal, now);
    yield answer;
    return { cursor: last, phase: answer.status?.phase, isEnd: hasEndedAt(state, answer.status, last) };
  }
  const status = statusOf(state);
  await runtime?.durable();
  const isNew = isFirst || last > cursor || status.phase !== now.phase;
  if (isNew && (isStatusOnly || last <= cursor)) yield create(WatchResponseSchema, { status, seq: status.seq });
  else if (isNew) yield* ownAnswers(journal, now, status);
  // A number beyond the last one is from another life; what comes next is shown all the same.
  return { cursor: isNew ? last : cursor, phase: status.phase, isEnd: hasEndedAt(state, status, last) };
}

/** True when the workflow had ended at the number, and nothing has happened since. */
function hasEndedAt(state: WorkflowState, status: WorkflowStatus | undefined, last: number): boolean {
  return status !== undefined && isEnded(status.phase) && state.seq === last;
}

async function* ownAnswers(journal: Journal, { state, cursor }: Now, status: WorkflowStatus): AsyncIterable<WatchResponse> {
  for await (const chunk of readEvents(journal, state.blueprint, { afterSeq: cursor, hasDetails: false })) {
    const events = chunk.filter(({ seq }) => seq <= status.seq);
    const seq = events.at(-1)?.seq;
    if (seq === undefined) return;
    yield create(WatchResponseSchema, { status, events, seq });
  }
}

/** What was last shown to all watchers of a workflow that stood at one number. */
interface Shared {
  readonly after: number;
  readonly last: number;
  readonly answer: Promise<WatchResponse>;
}

const lastShared = new WeakMap<WorkflowState, Shared>();

/**
 * Watchers that wait all stand at one number, but for those that read slowly: one reading of the journal and one status serve all of them, not one
 * for each. A watcher that has just come is told the status of its own moment.
 */
function sharedAnswer(journal: Journal, now: Now): Promise<WatchResponse> {
  const { state, cursor: after } = now;
  const last = state.seq;
  const known = lastShared.get(state);
  if (known !== undefined && known.after === after && known.last === last) return known.answer;
  const answer = oneAnswer(journal, now);
  lastShared.set(state, { after, last, answer });
  answer.catch(() => lastShared.delete(state)); // whoever waits for it hears why; the next one reads again
  return answer;
}

async function oneAnswer(journal: Journal, now: Now): Promise<WatchResponse> {
  const status = statusOf(now.state);
  await now.runtime?.durable();
  for await (const answer of ownAnswers(journal, now, status)) return answer; // as few events as are shared come as one
  return create(WatchResponseSchema, { status, seq: status.seq });
}

/** Resolves when the workflow has ended or waits for a person; rejects with CANCELLED when the signal aborts. */
export async function waitStill(
  { open, ended }: { readonly open: FindsOpen; readonly ended: () => Promise<WorkflowStatus> },
  signal: AbortSignal,
): Promise<WorkflowStatus> {
  for (let runtime = open(); runtime !== undefined; runtime = open()) {
    const { state } = runtime;
    await runtime.when(() => isStill(phaseOf(state)), signal);
    if (isStill(phaseOf(state))) {
      const status = statusOf(state);
      await runtime.durable();
      return status;
    }
    if (signal.aborted) throw new HoldfastError("CANCELLED", "the caller stopped waiting; the workflow goes on");
  }
  return ended();
}
