import { expect, test } from "vitest";
import { seal, unseal } from "./record.ts";

const key = Buffer.from("key");
const pieces = [Buffer.from("one"), Buffer.from("two")];

test("a record gives its payload back", () => {
  const record = unseal(key, seal(key, pieces));
  expect(record.kind === "whole" && Buffer.from(record.payload).toString()).toBe("onetwo");
});

test("every flipped bit, every cut and another key are damage", () => {
  const record = seal(key, pieces);
  for (let bit = 0; bit < record.length * 8; bit++) {
    const flipped = Uint8Array.from(record);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(unseal(key, flipped).kind).toBe("damaged");
  }
  for (let length = 0; length < record.length; length++) expect(unseal(key, record.subarray(0, length)).kind).toBe("damaged");
  expect(unseal(Buffer.from("kez"), record).kind).toBe("damaged");
});
