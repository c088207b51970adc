// What the keepers of the invariants are told of a run, and the table of them. Each is a dumb oracle: it reads what was appended, what became
// durable, what was answered and what was done to hosts, and nothing of the service's state.

import type { JournalEntry } from "../../internal/engine/ports.ts";
import type { Event } from "../../internal/gen/holdfast/v1/event_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";

/** A service's answer to a command: from now on it must be true for ever. */
export interface Answer {
  readonly id: string;
  /** The number of the last event that the answer tells of; 0: it tells of none. */
  readonly seq: number;
  /** The event that must be there, if the workflow has not ended; undefined: none. */
  readonly promised: { readonly kind: NonNullable<Event["kind"]["case"]>; readonly task?: number; readonly by?: string } | undefined;
}

/** What a watcher was shown. */
export interface Shown {
  readonly id: string;
  readonly seqs: readonly number[];
  /** Events before this one need not be kept any more. */
  readonly droppedBefore: number;
  readonly status: WorkflowStatus | undefined;
}

/** A call of an action at a target. */
export interface HostCall {
  readonly id: string;
  readonly task: number;
  readonly attempt: number;
  readonly kind: "check" | "apply" | "look";
  readonly uses: string;
  readonly target: Target | undefined;
  /** Which life of the service made it. */
  readonly life: number;
}

/** A call at a host that is paced, and what became of it. */
export interface Turn extends Pick<HostCall, "id" | "task" | "attempt" | "life"> {
  /** Which call: each has a number of its own. */
  readonly number: number;
  readonly kind: "check" | "apply";
  readonly origin: string;
  /** `refused`: it was let go of before it began. */
  readonly what: "asked" | "begun" | "done" | "refused" | "kept back";
}

/** Keeps one invariant. What is found is thrown as a Violation that begins with its name. */
export interface Invariant {
  /** An entry is appended by this life of the service, and not durable. */
  appended?(entry: JournalEntry, life: number): void;
  /** It is durable: whatever happens, it happened. */
  durable?(entry: JournalEntry): void;
  answered?(answer: Answer): void;
  shown?(shown: Shown): void;
  /** Somebody was told where a workflow stands. */
  told?(status: WorkflowStatus): void;
  called?(call: HostCall): void;
  returned?(call: HostCall): void;
  /** A call at a host waits for its turn, has it, is over. */
  paced?(turn: Turn): void;
  /** An attempt changed its host. */
  changed?(call: Omit<HostCall, "kind" | "life">): void;
  /** Somebody else changed what an attempt had brought about. */
  spoilt?(target: string): void;
  /** This life of the service was killed; what was not durable never happened. */
  crashed?(life: number): void;
  /** The run is over. */
  ended?(): void;
}

/** Keepers that are asked one after the other. */
export class Invariants implements Required<Invariant> {
  readonly #keepers: readonly Invariant[];
  readonly #onViolation: (error: Error) => void;

  constructor(keepers: readonly Invariant[], onViolation: (error: Error) => void) {
    this.#keepers = keepers;
    this.#onViolation = onViolation;
  }

  appended = (entry: JournalEntry, life: number): void => this.#ask((keeper) => keeper.appended?.(entry, life));
  durable = (entry: JournalEntry): void => this.#ask((keeper) => keeper.durable?.(entry));
  answered = (answer: Answer): void => this.#ask((keeper) => keeper.answered?.(answer));
  shown = (shown: Shown): void => this.#ask((keeper) => keeper.shown?.(shown));
  told = (status: WorkflowStatus): void => this.#ask((keeper) => keeper.told?.(status));
  called = (call: HostCall): void => this.#ask((keeper) => keeper.called?.(call));
  returned = (call: HostCall): void => this.#ask((keeper) => keeper.returned?.(call));
  paced = (turn: Turn): void => this.#ask((keeper) => keeper.paced?.(turn));
  changed = (call: Omit<HostCall, "kind" | "life">): void => this.#ask((keeper) => keeper.changed?.(call));
  spoilt = (target: string): void => this.#ask((keeper) => keeper.spoilt?.(target));
  crashed = (life: number): void => this.#ask((keeper) => keeper.crashed?.(life));
  ended = (): void => this.#ask((keeper) => keeper.ended?.());

  /** What is found while the service works is told aside: to throw it into the service would be one more fault. */
  #ask(ask: (keeper: Invariant) => void): void {
    try {
      for (const keeper of this.#keepers) ask(keeper);
    } catch (error) {
      this.#onViolation(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
