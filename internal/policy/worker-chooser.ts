// Chooses targets where it holds nobody up: in a small inventory at once on the event loop, else in the worker thread that holds it.
// 1. Where it is chosen changes neither the choice nor an error: both run the same function. What the loop's small budget does not
//    suffice for is asked again in the worker.

import { create, toBinary } from "@bufbuild/protobuf";
import { assert } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { CHOOSE_LOOP_COST_MAX, CHOOSE_LOOP_TARGETS_MAX } from "../base/worker-limits.ts";
import type { TargetChooser } from "../engine/ports.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Target, TargetSelector } from "../gen/holdfast/v1/workflow_pb.ts";
import { ownBytes } from "./worker-cargo.ts";
import type { WorkerCargo } from "./worker-cargo.ts";
import { LineOverdue } from "./worker-line.ts";
import type { WorkerLine } from "./worker-line.ts";
import { itemsAt } from "./worker-packing.ts";
import type { WorkerThread } from "./worker-thread.ts";

type Selection = Parameters<TargetChooser["choose"]>[1];

/** What choosing needs. */
export interface ChooserOptions {
  readonly thread: WorkerThread;
  readonly cargo: WorkerCargo;
  /** selectTargets of workflow/targets.ts. */
  readonly select: (selector: TargetSelector, selection: Selection, costMax: number) => readonly Target[];
}

/** A chooser that never holds the event loop up for long. */
export function createChooser({ thread, cargo, select }: ChooserOptions): TargetChooser {
  return {
    choose: async (selector, selection) => {
      if (Math.max(selection.known.length, selector.names.length) <= CHOOSE_LOOP_TARGETS_MAX) {
        try {
          return select(selector, selection, CHOOSE_LOOP_COST_MAX);
        } catch (error) {
          if (!(error instanceof HoldfastError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
        }
      }
      return chooseThere(thread, (line) => chooseOn(line, { selector, selection, cargo }));
    },
  };
}

async function chooseThere(thread: WorkerThread, job: (line: WorkerLine) => Promise<readonly Target[]>): Promise<readonly Target[]> {
  try {
    return await thread.run(job);
  } catch (cause) {
    if (!(cause instanceof LineOverdue)) throw cause;
    throw new HoldfastError("RESOURCE_EXHAUSTED", `targets.where: the choice was not made: ${cause.message}; make the condition cheaper`, {
      cause,
    });
  }
}

async function chooseOn(
  line: WorkerLine,
  { selector, selection, cargo }: { readonly selector: TargetSelector; readonly selection: Selection; readonly cargo: WorkerCargo },
): Promise<readonly Target[]> {
  const { known, params, declared, expected } = selection;
  const list = await cargo.list(line, known);
  const definition = ownBytes(
    toBinary(WorkflowDefinitionSchema, create(WorkflowDefinitionSchema, { targets: selector, params: declared })),
  );
  const reply = await line.ask({ kind: "choose", list, definition, params, expected }, [definition.buffer]);
  if (reply.kind === "refused") throw new HoldfastError(reply.code, reply.message, { details: reply.details });
  assert(reply.kind === "chosen", "a choice has an answer");
  return itemsAt(known, reply.positions);
}
