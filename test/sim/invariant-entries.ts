// Journal entries as the tests of the keepers write them: a few words for each event.

import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { WorkflowId, seq, timeMs } from "../../internal/base/ids.ts";
import type { JournalEntry } from "../../internal/engine/ports.ts";
import { GuardEventSchema } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import { EventSchema } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { WorkflowDefinitionSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { fromJson } from "@bufbuild/protobuf";
import { aWorkflow, someTargets } from "../fakes/world.ts";
import type { HostCall } from "./invariant.ts";

/** The workflow of these tests. */
export const ID = WorkflowId.parse("019a9f1e-5c3a-7d10-8f00-0123456789ab");

type Kind = NonNullable<MessageInitShape<typeof EventSchema>["kind"]>;
type GuardKind = NonNullable<MessageInitShape<typeof GuardEventSchema>["kind"]>;

/** Writes entries one after the other. */
export class EntryWriter {
  #seq = 1;
  #guardSeq = 1;

  /** An entry of the workflow. */
  entry(kinds: readonly Kind[], guardKinds: readonly GuardKind[] = []): JournalEntry {
    const firstSeq = seq(this.#seq);
    const guardFirstSeq = seq(this.#guardSeq);
    this.#seq += kinds.length;
    this.#guardSeq += guardKinds.length;
    return {
      id: ID,
      firstSeq,
      timeMs: timeMs(0),
      events: kinds.map((kind) => create(EventSchema, { by: "ann", kind })),
      guardEvents: guardKinds.map((kind) => create(GuardEventSchema, { kind })),
      guardFirstSeq,
      details: [],
    };
  }

  /** The next entry leaves so many numbers out. */
  skip(count: number): void {
    this.#seq += count;
  }
}

/** A workflow on `count` targets that is submitted. */
export function submitted(count = 1, digest = ""): Kind {
  const value = {
    id: ID,
    definition: fromJson(WorkflowDefinitionSchema, aWorkflow()),
    targets: [...someTargets(count)],
    namespace: "default",
    digest,
  };
  return { case: "workflowSubmitted", value };
}

/** An attempt starts. */
export function started(task: number, attempt = 1): Kind {
  return { case: "attemptStarted", value: { task, attempt } };
}

/** It begins to change something. */
export function applied(task: number, attempt = 1): Kind {
  return { case: "applyStarted", value: { task, attempt } };
}

/** A call of it at the first target. */
export function hostCall(parts: Partial<HostCall> = {}): HostCall {
  return { id: ID, task: 0, attempt: 1, kind: "apply", uses: "set", target: someTargets(1)[0], life: 1, ...parts };
}
