// H3: no reply, watcher or attempt runs ahead of the synced journal. 1. Watchers see every event once, in order, without a gap.

import type { JournalEntry } from "../../internal/engine/ports.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import { DurableFacts } from "./durable-facts.ts";
import type { Answer, HostCall, Invariant, Shown } from "./invariant.ts";
import { must } from "./violation.ts";

const NAME = "H3 ahead of the disk";

/** Keeps H3. */
export class DiskFirst implements Invariant {
  readonly #facts = new DurableFacts();

  durable(entry: JournalEntry): void {
    this.#facts.take(entry);
  }

  answered({ id, seq }: Answer): void {
    this.#checkSeq(id, seq, "an answer");
  }

  told({ id, seq }: WorkflowStatus): void {
    this.#checkSeq(id, Number(seq), "a status");
  }

  shown({ id, seqs, droppedBefore, status }: Shown): void {
    this.#checkSeq(id, seqs.at(-1) ?? 0, "a watcher's event");
    this.#checkSeq(id, Number(status?.seq ?? 0), "a watcher's status");
    for (let at = 1; at < seqs.length; at++) {
      const [before = 0, seq = 0] = [seqs[at - 1], seqs[at]];
      const isNext = seq === before + 1 || (seq > before && seq <= droppedBefore);
      must(isNext, NAME, () => `a watcher of ${id} sees event ${seq} after ${before}`);
    }
  }

  called({ id, task, attempt, kind, target }: HostCall): void {
    const running = this.#facts.of(id).running.get(task);
    const what = (): string => `${kind} of attempt ${attempt} of task ${task} of ${id} at ${target?.name ?? "the service"}`;
    must(running?.attempt === attempt, NAME, () => `${what()}, and the journal has ${running?.attempt ?? "none"} under way`);
  }

  changed({ id, task, attempt, uses }: Omit<HostCall, "kind" | "life">): void {
    const running = this.#facts.of(id).running.get(task);
    const isWritten = running?.attempt === attempt && running.isApplying;
    must(isWritten, NAME, () => `attempt ${attempt} of task ${task} of ${id} (${uses}) changed its host before ApplyStarted was durable`);
  }

  #checkSeq(id: string, seq: number, what: string): void {
    const durable = this.#facts.workflows.get(id)?.seq ?? 0;
    must(seq <= durable, NAME, () => `${what} tells of event ${seq} of ${id}, ${durable} are durable`);
  }
}

/** One watcher's own eyes: what it sees continues what it saw, over any number of connections and of its lives. */
export class WatcherEyes {
  readonly #id: string;
  readonly #droppedBefore: () => number;
  #seq: number;

  /** `droppedBefore`: events before this one need not be kept any more. */
  constructor(id: string, { afterSeq, droppedBefore }: { readonly afterSeq: number; readonly droppedBefore: () => number }) {
    this.#id = id;
    this.#seq = afterSeq;
    this.#droppedBefore = droppedBefore;
  }

  get seq(): number {
    return this.#seq;
  }

  /** Events by number. */
  see(seqs: readonly number[]): void {
    for (const seq of seqs) {
      const isNext = seq === this.#seq + 1 || (seq > this.#seq && seq <= this.#droppedBefore());
      must(isNext, NAME, () => `a watcher of ${this.#id} that saw event ${this.#seq} is shown ${seq}`);
      this.#seq = seq;
    }
  }
}
