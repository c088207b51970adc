// Watching: a cursor over a workflow's events that moves on when more of them are on disk. No queue per watcher, so memory stays flat.
// 1. A watcher sees only what is on disk (H3), in order, without gaps; its last number is where it resumes.
// 2. It ends after the workflow's end, never before.

import { create } from "@bufbuild/protobuf";
import type { WorkflowStatus } from "../gen/holdfast/v1/status_pb.ts";
import type { WatchResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { WatchResponseSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { HoldfastError } from "../base/errors.ts";
import type { WorkflowState } from "../workflow/state.ts";
import { isEnded, isStill, phaseOf, statusOf } from "../workflow/status.ts";
import { readEvents } from "./history.ts";
import type { Journal } from "./ports.ts";
import type { Runtime } from "./runtime.ts";

/** A workflow as it is now, and what keeps it in memory; undefined: it has ended and left memory. */
export type Source = () => Promise<{ readonly state: WorkflowState; readonly runtime: Runtime | undefined }>;

interface Watch {
  readonly journal: Journal;
  readonly source: Source;
  readonly afterSeq: number;
  readonly isStatusOnly: boolean;
  readonly signal: AbortSignal;
}

/** Streams what happens after a number until the workflow's end or the abort. */
export async function* watch({ journal, source, afterSeq, isStatusOnly, signal }: Watch): AsyncIterable<WatchResponse> {
  let cursor = afterSeq;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const { state, runtime } = await source();
    const status = statusOf(state);
    await runtime?.durable();
    const last = Number(status.seq);
    if (isFirst || last > cursor) {
      if (isStatusOnly || last <= cursor) yield create(WatchResponseSchema, { status, seq: status.seq });
      else yield* newEvents(journal, { state, status, after: cursor, last });
      // A number beyond the last one is from another life; what comes next is shown all the same.
      cursor = last;
    }
    if (isEnded(status.phase) && state.seq === last) return;
    await runtime?.changed({ afterSeq: cursor, signal });
  }
}

async function* newEvents(
  journal: Journal,
  from: { readonly state: WorkflowState; readonly status: WorkflowStatus; readonly after: number; readonly last: number },
): AsyncIterable<WatchResponse> {
  for await (const chunk of readEvents(journal, from.state.blueprint, { afterSeq: from.after, hasDetails: false })) {
    const events = chunk.filter((event) => event.seq <= BigInt(from.last));
    const seq = events.at(-1)?.seq;
    if (seq === undefined) return;
    yield create(WatchResponseSchema, { status: from.status, events, seq });
  }
}

/** Resolves when the workflow has ended or waits for a person; rejects with CANCELLED when the signal aborts. */
export async function waitStill(source: Source, signal: AbortSignal): Promise<WorkflowStatus> {
  for (;;) {
    const { state, runtime } = await source();
    const { seq } = state;
    // Asked after each turn: the whole status is made once, at the end.
    const status = isStill(phaseOf(state)) ? statusOf(state) : undefined;
    await runtime?.durable();
    if (status !== undefined) return status;
    await runtime?.changed({ afterSeq: seq, signal });
    if (signal.aborted) throw new HoldfastError("CANCELLED", "the caller stopped waiting; the workflow goes on");
  }
}
