// What the items of a workflow's lists are called at a place in its journal: where a list is evaluated anew, the same tasks have other names.
// 1. It follows from the events up to that place alone, so that history and feed say the same whenever they are read.
// 2. It holds the names as of one place, and goes forward with who reads on; one that asks for an earlier list reads from the beginning again.

import type { WorkflowId } from "../base/ids.ts";
import { seq, workflowStream } from "../base/ids.ts";
import type { Event } from "../gen/holdfast/v1/event_pb.ts";
import type { Blueprint } from "../workflow/blueprint.ts";
import { itemName } from "../workflow/list-plan.ts";
import { valueToJson } from "../workflow/value-json.ts";
import type { Journal } from "./ports.ts";

interface Known {
  /** The number of the event since which the items are these. */
  readonly sinceSeq: number;
  readonly names: readonly string[];
}

/** Names of one workflow's items. */
export class ItemNames {
  readonly #journal: Pick<Journal, "readFrames">;
  readonly #lists = new Map<number, Known>();
  #readTo = 0;
  #last: { readonly of: Blueprint; readonly named: Blueprint } | undefined;

  constructor(journal: Pick<Journal, "readFrames">) {
    this.#journal = journal;
  }

  /** An event that is read anyway; what does not follow on what is known is read with the rest. */
  take(event: Event, number: number): void {
    if (number === this.#readTo + 1) this.#note(event, number);
  }

  /** Of an endless workflow, generations that are not kept are missing between two events. */
  #note({ kind }: Event, number: number): void {
    this.#readTo = number;
    if (kind.case !== "listExpanded" || kind.value.error !== "") return;
    const names = kind.value.items.map((item) => itemName(valueToJson(item)));
    this.#lists.set(kind.value.stage, { sinceSeq: number, names });
    this.#last = undefined;
  }

  /** The workflow's parts, with the items as they were at the event of that number. */
  async at(blueprint: Blueprint, number: number): Promise<Blueprint> {
    if ([...this.#lists.values()].some(({ sinceSeq }) => sinceSeq > number)) {
      this.#lists.clear();
      this.#last = undefined;
      this.#readTo = 0;
    }
    await this.#readOn(blueprint.id, number);
    if (this.#last?.of === blueprint) return this.#last.named;
    const stages = blueprint.stages.map((stage) =>
      stage.list === undefined ? stage : { ...stage, list: { ...stage.list, items: this.#lists.get(stage.index)?.names } },
    );
    this.#last = { of: blueprint, named: { ...blueprint, stages } };
    return this.#last.named;
  }

  async #readOn(id: WorkflowId, to: number): Promise<void> {
    if (this.#readTo >= to) return;
    for await (const frame of this.#journal.readFrames(workflowStream(id), { afterSeq: seq(this.#readTo) })) {
      for (const [offset, event] of frame.events.entries()) {
        if (this.#readTo >= to) return;
        if (frame.firstSeq + offset > this.#readTo) this.#note(event, frame.firstSeq + offset);
      }
      if (this.#readTo >= to) return;
    }
  }
}
