// How far a sink is, on disk and after a restore.

import { expect, test } from "vitest";
import { FakeFeed } from "../../test/fakes/feed-events.ts";
import { firstCursor, parseCursor, placeCursor, writeCursor } from "./cursor.ts";

const KEPT = { batch: 7, events: 3, restore: "" };

function feedOf(batches: number, mark?: FakeFeed["mark"]): FakeFeed {
  const feed = new FakeFeed();
  for (let at = 0; at < batches; at++) feed.push();
  feed.mark = mark;
  return feed;
}

test("what is written is read back; what is no cursor is refused", () => {
  expect(parseCursor(writeCursor(KEPT))).toEqual(KEPT);
  for (const text of [
    "",
    "{}",
    '{"format":2,"batch":1,"events":0,"restore":""}',
    '{"format":1,"batch":-1,"events":0,"restore":""}',
    writeCursor(KEPT).slice(0, -4),
  ])
    expect(() => parseCursor(text), text).toThrow("no cursor");
});

test("a new sink begins where the journal ends, or at its start", () => {
  const feed = feedOf(9);
  expect(firstCursor("now", feed)).toEqual({ batch: 9, events: 0, restore: "" });
  expect(firstCursor("start", feed)).toEqual({ batch: 0, events: 0, restore: "" });
});

test("a sink goes on where it was", () => {
  expect(placeCursor(KEPT, feedOf(9))).toEqual({ cursor: KEPT, reason: "" });
});

test("a journal that came from a backup is followed from the backup's end, once", () => {
  const feed = feedOf(20, { restore: "r1", batch: 5 });
  const { cursor, reason } = placeCursor(KEPT, feed);
  expect(cursor).toEqual({ batch: 5, events: 0, restore: "r1" });
  expect(reason).toContain("brought back from a backup that ends with batch 5");
  expect(placeCursor({ batch: 12, events: 1, restore: "r1" }, feed)).toEqual({
    cursor: { batch: 12, events: 1, restore: "r1" },
    reason: "",
  });
  expect(placeCursor({ ...KEPT, batch: 4 }, feed).cursor).toEqual({ batch: 4, events: 3, restore: "r1" });
});

test("a cursor beyond the journal's end is drawn back, and says so", () => {
  expect(placeCursor(KEPT, feedOf(6))).toEqual({
    cursor: { batch: 6, events: 0, restore: "" },
    reason: expect.stringContaining("beyond the journal's end"),
  });
});
