import { expect, test } from "vitest";
import { CallQueue } from "./call-queue.ts";
import type { CallRoom, Place } from "./call-queue.ts";

const ROOM: CallRoom = { running: 4, runningOfPrincipal: 3, queued: 100, streams: 3, ofPrincipal: 20 };
const NEVER = new AbortController().signal;

/** A queue, and what got in, in order. */
function open(room: Partial<CallRoom> = {}) {
  const queue = new CallQueue({ ...ROOM, ...room });
  const inside: { readonly name: string; readonly place: Place }[] = [];
  const errors: string[] = [];
  const call = (name: string, signal = NEVER): void => {
    queue.enter(name, signal).then(
      (place) => inside.push({ name, place }),
      (error: unknown) => errors.push(error instanceof Error ? error.message : ""),
    );
  };
  const names = async (): Promise<string> => {
    await new Promise<void>((resolve) => setImmediate(resolve));
    return inside.map(({ name }) => name).join("");
  };
  /** Ends the first call that is inside. */
  const finish = (): void => inside.shift()?.place.release();
  return { queue, call, names, finish, errors, inside };
}

test("one principal's flood leaves room for the others, and free places go round", async () => {
  const { call, names, finish } = open();
  for (let index = 0; index < 10; index++) call("a");
  expect(await names()).toBe("aaa"); // the fourth place is not a's to have
  for (const name of ["b", "b", "c", "c"]) call(name);
  expect(await names()).toBe("aaab");
  finish();
  expect(await names()).toBe("aaba");
  finish();
  expect(await names()).toBe("abab");
  finish();
  expect(await names()).toBe("babc");
  finish();
  expect(await names()).toBe("abca"); // a, b and c in turn
  finish();
  expect(await names()).toBe("bcac");
});

test("every call gets in once, whatever the order of ends", async () => {
  const { call, names, finish } = open({ ofPrincipal: 1_000, queued: 1_000 });
  for (let index = 0; index < 300; index++) call("abcde"[index % 5] ?? "");
  let done = "";
  for (let left = await names(); left !== ""; left = await names()) {
    expect(left.length).toBeLessThanOrEqual(ROOM.running);
    done += left.slice(0, 1);
    finish();
  }
  expect(done.length).toBe(300);
  expect(new Set(done).size).toBe(5);
});

test("the cap of a principal counts what waits, what is worked on and what streams; others are not touched by it", async () => {
  const { queue, call, names, finish, errors } = open({ ofPrincipal: 10 });
  for (let index = 0; index < 8; index++) call("a");
  const streams = [queue.stream("a"), queue.stream("a")];
  call("a");
  expect(() => queue.stream("a")).toThrow(/"a" has 10 calls in flight, which is the most for one principal/);
  call("b");
  expect(await names()).toBe("aaab");
  expect(errors).toEqual(['"a" has 10 calls in flight, which is the most for one principal; try again later']);
  streams[0]?.release();
  streams[0]?.release(); // twice does nothing
  call("a");
  call("a");
  finish();
  call("a");
  await names();
  expect(errors).toHaveLength(2);
});

test("a call that is aborted while it waits leaves the queue, and its place goes to the next", async () => {
  const { call, names, finish, errors } = open({ running: 1, runningOfPrincipal: 1, queued: 2 });
  const gone = new AbortController();
  call("a");
  call("b", gone.signal);
  call("c");
  call("d");
  expect(await names()).toBe("a");
  expect(errors).toEqual(["2 calls wait already, which is the most this service lets wait; try again later"]);
  gone.abort(new Error("the client left"));
  await names();
  expect(errors.at(-1)).toBe("the client left");
  call("d");
  finish();
  expect(await names()).toBe("c");
  finish();
  expect(await names()).toBe("d");
  finish();
  call("e", gone.signal); // aborted already: it gets in, and its caller sees that at once
  expect(await names()).toBe("e");
});

test("a call that becomes a stream frees its place, while there is room for streams", async () => {
  const { call, names, inside } = open({ running: 1, streams: 1 });
  for (const name of ["a", "b", "c"]) call(name);
  await names();
  inside[0]?.place.becomeStream();
  expect(await names()).toBe("ab");
  expect(() => inside[1]?.place.becomeStream()).toThrow(/1 streams and waiting calls are in flight/);
  inside[0]?.place.release();
  inside[1]?.place.becomeStream();
  expect(await names()).toBe("abc");
});
