import { expect, test } from "vitest";
import type { Start } from "./key-starts.ts";
import { KeyStarts } from "./key-starts.ts";

function start(holder: string, concurrency: number): Start {
  const ask = { key: "erase/ams", each: undefined, concurrency, rate: undefined, spacingMs: 0 };
  const at = { guardMs: 0, trueMs: 0, boot: "b1" };
  return { ask, holder, ...at, hasToken: false, isOpen: true, isUnused: false, isVoid: false, isLent: false };
}

function begun(...starts: readonly Start[]): KeyStarts {
  const key = new KeyStarts();
  for (const one of starts) key.add(one);
  return key;
}

test("what kept its slot through a freeze goes on beside those that started under looser terms", () => {
  const [strict, loose, other] = [start("strict", 2), start("loose", 3), start("other", 3)];
  const key = begun(strict, loose, other);
  key.lend(strict);
  key.takeBack(strict, 2);
  expect(() => key.add(start("one more", 3))).toThrow("concurrency: loose and other and strict and one more hold erase/ams, 3 may");
});

test("what gave its slot back at a thaw, as another's start shows, goes on only where there is room", () => {
  const [one, other] = [start("one", 1), start("other", 1)];
  const key = begun(one);
  key.lend(one);
  key.add(other);
  expect(() => key.takeBack(one, 1)).toThrow("concurrency: one goes on beside 1 that hold erase/ams, 1 may");
  key.end(other, { isUnused: false, isVoid: false });
  key.takeBack(one, 1);
});

test("what gave its slot back asks by the terms of now", () => {
  const [one, other] = [start("one", 1), start("other", 2)];
  const key = begun(one);
  key.lend(one);
  key.add(other);
  key.takeBack(one, 2);
  expect(() => key.add(start("one more", 2))).toThrow("concurrency: other and one and one more hold erase/ams, 2 may");
});

test("of two that may have given back one did: the first may have kept its slot, the second needs room", () => {
  const [one, two, other] = [start("one", 2), start("two", 2), start("other", 2)];
  const key = begun(one, two);
  key.lend(one);
  key.lend(two);
  key.add(other);
  key.takeBack(one, 2);
  expect(() => key.takeBack(two, 2)).toThrow("concurrency: two goes on beside 2 that hold erase/ams, 2 may");
});
