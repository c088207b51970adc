import { expect, test } from "vitest";
import { RecentMap } from "./recent-map.ts";

test("makes a value once, and keeps as many as it may, the last asked for", () => {
  const made: string[] = [];
  const map = new RecentMap<string, string>(2);
  const take = (key: string): string =>
    map.take(key, () => {
      made.push(key);
      return key.toUpperCase();
    });
  expect(["a", "b", "a", "c", "a", "b"].map(take)).toEqual(["A", "B", "A", "C", "A", "B"]);
  expect(made).toEqual(["a", "b", "c", "b"]); // b went when c came, for a had been asked for again
});

test("does not keep what throws", () => {
  const map = new RecentMap<string, number>(1);
  const fail = (): number => {
    throw new Error("no");
  };
  expect(() => map.take("a", fail)).toThrow("no");
  expect(map.take("a", () => 1)).toBe(1);
});
