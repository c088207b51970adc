// The seam to the feed: what happened, to all workflows and to the service, in the order of the journal. engine/ports.ts hands it on.
// 1. It tells of nothing that is not on disk (H3), and reading it again from the same cursor tells the same again, in the same order.

import type { JsonObject } from "../base/json.ts";
import type { TimeMs } from "../base/ids.ts";

/** A place in the feed: so many batches of the journal are done, and so many events of the next one. */
export interface FeedCursor {
  readonly batch: number;
  readonly events: number;
}

/** What never changes of the workflow that an event is about. */
export interface FeedWorkflow {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly key: string;
  readonly submittedBy: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** One thing that happened. */
export interface FeedEvent {
  /** The same for every reading: `WORKFLOW/SEQ`, `guard/SEQ`, `journal/BATCH`; with `/KIND` behind it for what follows from an event. */
  readonly id: string;
  /** The event's name in the journal, such as `workflowEnded`; or of what follows from it, such as `workflowFailed`. */
  readonly kind: string;
  readonly atMs: TimeMs;
  /** Who caused it; empty: the service itself. */
  readonly by: string;
  /** Undefined: it is about the service. */
  readonly workflow: FeedWorkflow | undefined;
  /** Names, where the event is about a stage or a task; else empty. */
  readonly stage: string;
  readonly action: string;
  readonly target: string;
  /** The event's own fields, as the protocol's JSON. */
  readonly event: JsonObject;
}

/** Events, and the cursor once all of them are dealt with. */
export interface FeedStep {
  readonly events: readonly FeedEvent[];
  readonly cursor: FeedCursor;
}

/** What happened, from the journal. */
export interface EventFeed {
  /** Every kind of event there is. */
  readonly kinds: readonly string[];
  /** Where it ends now. */
  end(): FeedCursor;
  /** The journal was brought back from a backup: its name, and the last batch that the backup held. */
  restored(): { readonly restore: string; readonly batch: number } | undefined;
  /** The next steps after a cursor, as far as one reading goes; none: there is nothing more yet. */
  read(after: FeedCursor, kinds: ReadonlySet<string>): Promise<readonly FeedStep[]>;
  /** Calls back when there is more; returns the end of that. */
  onMore(callback: () => void): () => void;
}
