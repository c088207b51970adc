import { expect, test } from "vitest";
import { GUARD_STREAM, seq, WorkflowId, workflowStream } from "../base/ids.ts";
import {
  CHAIN_KEY,
  detailKey,
  frameKey,
  headerKey,
  headKey,
  keyKey,
  latestKey,
  META_KEY,
  namespaceKey,
  namespaceRange,
  parseKey,
  recordKey,
  requestKey,
} from "./layout.ts";
import type { RowKey } from "./layout.ts";

const id = WorkflowId.parse("019a9f1e-5c3a-7d10-8f00-0123456789ab");
const stream = workflowStream(id);

test.each<[RowKey, Uint8Array]>([
  [{ kind: "meta" }, META_KEY],
  [{ kind: "chain" }, CHAIN_KEY],
  [{ kind: "header", number: 2 ** 40 + 7 }, headerKey(2 ** 40 + 7)],
  [{ kind: "frame", stream, firstSeq: seq(300) }, frameKey(stream, 300)],
  [{ kind: "frame", stream: GUARD_STREAM, firstSeq: seq(1) }, frameKey(GUARD_STREAM, 1)],
  [{ kind: "head", stream, isOpen: true }, headKey(stream, { isOpen: true })],
  [{ kind: "head", stream: GUARD_STREAM, isOpen: false }, headKey(GUARD_STREAM, { isOpen: false })],
  [{ kind: "detail", id, task: 1_999_999, attempt: 3 }, detailKey(id, 1_999_999, 3)],
  [{ kind: "latest", id, task: 4 }, latestKey(id, 4)],
  [{ kind: "record", id }, recordKey(id)],
  [{ kind: "namespace", namespace: "größe", id }, namespaceKey("größe", id)],
  [{ kind: "key", namespace: "default", text: "customer/a ü" }, keyKey("default", "customer/a ü")],
  [{ kind: "request", namespace: "", text: "r" }, requestKey("", "r")],
])("a key says what it is: %j", (expected, key) => {
  expect(parseKey(key)).toEqual(expected);
});

test("keys of no row are not taken for one", () => {
  for (const key of [[], [0x7a], [0x62, 1], [0x6b, 9, 1], [...frameKey(stream, 1), 0], [...latestKey(id, 1).subarray(0, 20)]]) {
    expect(parseKey(Uint8Array.from(key))).toBeUndefined();
  }
});

test("keys sort as their numbers do, beyond 32 bits too", () => {
  const numbers = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  for (const make of [headerKey, (number: number) => frameKey(stream, number)]) {
    const keys = numbers.map(make);
    expect(keys.toSorted(Buffer.compare)).toEqual(keys);
  }
});

test("a namespace's range holds its own rows and no other's", () => {
  const { gte, lt } = namespaceRange("ops");
  const isWithin = (key: Uint8Array) => Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0;
  expect(isWithin(namespaceKey("ops", id))).toBe(true);
  expect(["op", "opsx", "", "opr", "opt"].filter((other) => isWithin(namespaceKey(other, id)))).toEqual([]);
});
