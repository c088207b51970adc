import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { sealKey } from "./seal-key.ts";

test("the key is made once, for its owner alone, and every later start finds the same", () => {
  const data = temporaryDirectory();
  const key = sealKey(data);
  expect(key).toHaveLength(32);
  expect(Buffer.from(sealKey(data)).equals(key)).toBe(true);
  expect(statSync(join(data, "seal.key")).mode & 0o777).toBe(0o600);
});

test("a key that others can read, or that is none, is refused with what to do", () => {
  const data = temporaryDirectory();
  const path = join(data, "seal.key");
  sealKey(data);
  chmodSync(path, 0o640);
  expect(() => sealKey(data)).toThrow(/others than its owner can read/);
  chmodSync(path, 0o600);
  writeFileSync(path, readFileSync(path, "utf8").slice(0, 20));
  expect(() => sealKey(data)).toThrow(/holds no key of ours; bring it back from a copy/);
});
