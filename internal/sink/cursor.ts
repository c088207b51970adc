// How far a sink is: arithmetic of cursors, and their form on disk, which is parsed here.
// 1. A cursor never points behind the journal's end: one of a journal that was since replaced by a backup is drawn back to where both agree.

import { HoldfastError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { EventFeed, FeedCursor } from "../engine/ports.ts";

/** A cursor as it is kept: with the restore of the journal that it counts in. */
export interface KeptCursor extends FeedCursor {
  /** Empty: the journal was never brought back from a backup. */
  readonly restore: string;
}

/** Where a sink goes on, and why not where it was; the reason is empty where it is. */
export interface Placed {
  readonly cursor: KeptCursor;
  readonly reason: string;
}

/** Where a sink begins that was never seen before. */
export function firstCursor(from: "now" | "start", feed: Pick<EventFeed, "end" | "restored">): KeptCursor {
  const place = from === "start" ? { batch: 0, events: 0 } : feed.end();
  return { ...place, restore: feed.restored()?.restore ?? "" };
}

/** Where a sink goes on whose cursor was kept. */
export function placeCursor(kept: KeptCursor, feed: Pick<EventFeed, "end" | "restored">): Placed {
  const restored = feed.restored();
  const restore = restored?.restore ?? "";
  if (restored !== undefined && kept.restore !== restore && kept.batch > restored.batch) {
    const cursor = { batch: restored.batch, events: 0, restore };
    return { cursor, reason: `the journal was brought back from a backup that ends with batch ${restored.batch}: it goes on from there` };
  }
  const end = feed.end();
  if (kept.batch > end.batch) {
    const cursor = { ...end, restore };
    return { cursor, reason: `its cursor, batch ${kept.batch}, is beyond the journal's end: it goes on from batch ${end.batch}` };
  }
  return { cursor: { ...kept, restore }, reason: "" };
}

/** The cursor as a file holds it. */
export function writeCursor({ batch, events, restore }: KeptCursor): string {
  return `${JSON.stringify({ format: 1, batch, events, restore })}\n`;
}

/** Parses the text of a cursor's file; throws INVALID_ARGUMENT. */
export function parseCursor(text: string): KeptCursor {
  const value: unknown = parsed(text);
  if (isJsonObject(value)) {
    const { format, batch, events, restore } = value;
    if (format === 1 && isCount(batch) && isCount(events) && typeof restore === "string") return { batch, events, restore };
  }
  throw new HoldfastError("INVALID_ARGUMENT", "it holds no cursor of format 1");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
