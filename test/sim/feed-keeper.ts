// The feed over a whole run: it tells every durable event once, each workflow's in order, the same from every place where a reader may stand,
// and every wait for a person that anybody was shown.
// 1. A wait is derived from events alone, so it may be told where a limit will move the workflow on; it is never left out.

import { createEventFeed } from "../../internal/engine/event-feed.ts";
import type { EventFeed, FeedCursor, FeedEvent } from "../../internal/engine/ports.ts";
import { Phase } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { WorkflowStatus } from "../../internal/gen/holdfast/v1/status_pb.ts";
import type { World } from "../fakes/world.ts";
import type { Invariant } from "./invariant.ts";
import { must } from "./violation.ts";

const NAME = "feed";
const START: FeedCursor = { batch: 0, events: 0 };
/** A run of more entries is too dear to be read again. */
const ENTRIES_MAX = 3_000;

/** Keeps it. */
export class FeedKeeper implements Invariant {
  /** The first event of each workflow at which somebody was shown that it waits; of one generation, since older ones are not kept. */
  readonly #waiting = new Map<string, number>();

  /** Workflows of several generations. */
  readonly #endless = new Set<string>();

  told({ id, seq, phase, generation }: WorkflowStatus): void {
    if (generation > 1) this.#endless.add(id);
    if (phase === Phase.WAITING) this.#waiting.set(id, Math.min(Number(seq), this.#waiting.get(id) ?? Infinity));
  }

  /** Reads everything, as of the end of the run; `seed` says from where it is read once more. */
  async check({ journal, clock }: Pick<World, "journal" | "clock">, seed: number): Promise<void> {
    const { length } = journal.entries;
    if (length > ENTRIES_MAX) return;
    const feed = createEventFeed(journal, clock);
    const all = await readAll(feed, START);
    const ends = new Map<string, number>();
    const told = all.map(({ event }) => event).filter((event) => !event.id.endsWith(event.kind) && event.workflow !== undefined);
    for (const { id } of told) {
      const [workflow = "", seq] = id.split("/");
      const before = ends.get(workflow) ?? 0;
      // What is older than the generations that are kept may be dropped.
      const isNext = Number(seq) === before + 1 || (Number(seq) > before && Number(seq) <= journal.droppedBefore(workflow));
      must(isNext, NAME, () => `${id} is told after event ${before}`);
      ends.set(workflow, Number(seq));
    }
    for (const { id, firstSeq, events } of journal.entries)
      if (id !== undefined && events.length > 0)
        must((ends.get(id) ?? 0) >= firstSeq + events.length - 1, NAME, () => `${id} is not told to its end`);
    const at = all[seed % Math.max(1, all.length)];
    if (at !== undefined) {
      const rest = all.slice(all.findLastIndex(({ cursor }) => isSame(cursor, at.cursor)) + 1);
      const again = await readAll(createEventFeed(journal, clock), at.cursor);
      must(idsOf(again) === idsOf(rest), NAME, () => `after ${at.event.id} something else is told than from the start`);
    }
    this.#checkWaits(all.map(({ event }) => event));
  }

  #checkWaits(events: readonly FeedEvent[]): void {
    const first = new Map<string, number>();
    for (const { id, kind } of events) {
      const [workflow = "", seq] = id.split("/");
      if (kind === "workflowWaiting" && !first.has(workflow)) first.set(workflow, Number(seq));
    }
    for (const [id, seq] of this.#waiting)
      if (!this.#endless.has(id))
        must((first.get(id) ?? Infinity) <= seq, NAME, () => `${id} was shown as waiting at event ${seq}, and it was not told`);
  }
}

interface Told {
  readonly event: FeedEvent;
  readonly cursor: FeedCursor;
}

async function readAll(feed: EventFeed, after: FeedCursor): Promise<readonly Told[]> {
  const told: Told[] = [];
  const kinds = new Set(feed.kinds);
  for (let cursor = after; ;) {
    const steps = await feed.read(cursor, kinds);
    const last = steps.at(-1);
    if (last === undefined) return told;
    for (const step of steps) for (const event of step.events) told.push({ event, cursor: step.cursor });
    cursor = last.cursor;
  }
}

function isSame(left: FeedCursor, right: FeedCursor): boolean {
  return left.batch === right.batch && left.events === right.events;
}

function idsOf(told: readonly Told[]): string {
  return told.map(({ event }) => event.id).join();
}
