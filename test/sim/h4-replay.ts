// H4: replay never re-decides. Whatever was said of a workflow at a number of its events is said again at that number, by every life of the
// service and by a replay: times, IDs, jitter and targets are in events.
// 1. What is parked is no part of the fold: what a status says of waiting, and the phase that follows from it, is left out.

import { create, toJsonString } from "@bufbuild/protobuf";
import { Phase, WorkflowStatusSchema } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { Invariant } from "./invariant.ts";
import { must } from "./violation.ts";

const NAME = "H4 decided again";
/** Statuses remembered of one workflow; what is older was compared when it was young. */
const REMEMBERED_MAX = 64;

/** Keeps H4. */
export class ReplayKept implements Invariant {
  readonly #told = new Map<string, Map<number, string>>();

  told(status: WorkflowStatus): void {
    const seq = Number(status.seq);
    const known = this.#told.get(status.id) ?? new Map<number, string>();
    this.#told.set(status.id, known);
    const text = textOf(status);
    const before = known.get(seq);
    must(before === undefined || before === text, NAME, () => `event ${seq} of ${status.id} led to two statuses:\n${before}\n${text}`);
    known.set(seq, text);
    const [oldest] = known.keys();
    if (known.size > REMEMBERED_MAX && oldest !== undefined) known.delete(oldest);
  }

  /** What was told and lost never happened: only what a durable event led to is kept. */
  survived(ends: ReadonlyMap<string, number>): void {
    for (const [id, known] of this.#told) for (const seq of known.keys()) if (seq > (ends.get(id) ?? 0)) known.delete(seq);
  }
}

function textOf(status: WorkflowStatus): string {
  return toJsonString(WorkflowStatusSchema, create(WorkflowStatusSchema, { ...status, waitingFor: [], phase: Phase.UNSPECIFIED }));
}
