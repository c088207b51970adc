// H5: turns of a workflow are serial, one life of the service writes at a time, and one attempt of a task runs at a time.

import type { JournalEntry } from "../../internal/engine/ports.ts";
import { TURNS_IN_FLIGHT_MAX } from "../../internal/base/limits.ts";
import type { HostCall, Invariant } from "./invariant.ts";
import { must } from "./violation.ts";

const NAME = "H5 two writers";
const GUARD = "guard";

/** Keeps H5. */
export class OneWriter implements Invariant {
  /** The last number of each stream: of what was appended, and of what is durable. */
  #appended = new Map<string, number>();
  readonly #durable = new Map<string, number>();
  /** Turns of each workflow that are not durable. */
  readonly #inFlight = new Map<string, number>();
  /** Calls at hosts that are under way, by task. */
  readonly #calls = new Map<string, HostCall>();
  /** The first life of the service that has not ended. */
  #life = 0;

  appended(entry: JournalEntry, life: number): void {
    must(life >= this.#life, NAME, () => `life ${life} of the service appends, and has ended`);
    this.#follow(this.#appended, entry);
    const { id } = entry;
    if (id === undefined) return;
    const turns = (this.#inFlight.get(id) ?? 0) + 1;
    this.#inFlight.set(id, turns);
    must(turns <= TURNS_IN_FLIGHT_MAX, NAME, () => `${turns} turns of ${id} are not durable, ${TURNS_IN_FLIGHT_MAX} may be`);
  }

  durable(entry: JournalEntry): void {
    this.#follow(this.#durable, entry);
    const { id } = entry;
    if (id !== undefined) this.#inFlight.set(id, Math.max(0, (this.#inFlight.get(id) ?? 0) - 1));
  }

  called(call: HostCall): void {
    const key = `${call.id} ${call.task}`;
    const other = this.#calls.get(key);
    const what = (): string => `${call.kind} of attempt ${call.attempt} of task ${call.task} of ${call.id}`;
    must(other === undefined, NAME, () => `${what()} begins while ${other?.kind} of attempt ${other?.attempt} is under way`);
    must(call.life >= this.#life, NAME, () => `${what()} is made by life ${call.life}, which has ended`);
    this.#calls.set(key, call);
  }

  returned(call: HostCall): void {
    this.#calls.delete(`${call.id} ${call.task}`);
  }

  crashed(life: number): void {
    this.#appended = new Map(this.#durable);
    this.#inFlight.clear();
    this.#calls.clear();
    this.#life = life + 1;
  }

  #follow(ends: Map<string, number>, { id, firstSeq, events, guardFirstSeq, guardEvents }: JournalEntry): void {
    if (id !== undefined && events.length > 0) this.#next(ends, id, { firstSeq, count: events.length });
    if (guardEvents.length > 0) this.#next(ends, GUARD, { firstSeq: guardFirstSeq, count: guardEvents.length });
  }

  #next(ends: Map<string, number>, stream: string, { firstSeq, count }: { readonly firstSeq: number; readonly count: number }): void {
    const last = ends.get(stream) ?? 0;
    must(firstSeq === last + 1, NAME, () => `event ${firstSeq} of ${stream} follows ${last}`);
    ends.set(stream, last + count);
  }
}
