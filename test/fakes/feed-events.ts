// Events of a feed, and a feed that holds them, for tests: say what matters, the rest has defaults.

import { timeMs } from "../../internal/base/ids.ts";
import type { EventFeed, FeedCursor, FeedEvent, FeedStep } from "../../internal/engine/ports.ts";
import { FEED_KINDS } from "../../internal/engine/feed-fields.ts";
import { NOON_MS, anId } from "./journal-entries.ts";

/** An event of the first workflow. */
export function aFeedEvent(fields: Partial<FeedEvent> = {}): FeedEvent {
  const workflow = { id: anId(1), name: "nightly", namespace: "default", key: "", submittedBy: "ann", annotations: {} };
  const names = { stage: "", action: "", target: "" };
  return { id: `${anId(1)}/1`, kind: "workflowEnded", atMs: timeMs(NOON_MS), by: "", workflow, ...names, event: {}, ...fields };
}

/** A feed in memory: each step of `push` is a batch. */
export class FakeFeed implements EventFeed {
  readonly kinds = FEED_KINDS;
  readonly batches: (readonly FeedEvent[])[] = [];
  mark: { readonly restore: string; readonly batch: number } | undefined;
  /** Thrown in place of the next reading. */
  failure: Error | undefined;
  readonly #callbacks = new Set<() => void>();

  push(...events: readonly FeedEvent[]): void {
    this.batches.push(events);
    for (const callback of this.#callbacks) callback();
  }

  end(): FeedCursor {
    return { batch: this.batches.length, events: 0 };
  }

  restored(): { readonly restore: string; readonly batch: number } | undefined {
    return this.mark;
  }

  async read(after: FeedCursor, kinds: ReadonlySet<string>): Promise<readonly FeedStep[]> {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    return this.batches.slice(after.batch).flatMap((events, at) => {
      const batch = after.batch + at;
      const skipped = at === 0 ? after.events : 0;
      const steps: FeedStep[] = events.map((event, index) => ({ events: [event], cursor: { batch, events: index + 1 } }));
      const wanted = steps.slice(skipped).filter((step) => step.events.some(({ kind }) => kinds.has(kind)));
      return [...wanted, { events: [], cursor: { batch: batch + 1, events: 0 } }];
    });
  }

  onMore(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }
}
