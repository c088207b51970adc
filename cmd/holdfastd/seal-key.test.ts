import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { anId } from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { sealKey } from "./seal-key.ts";

test("the key is made once, for its owner alone, and every later start finds the same", () => {
  const data = temporaryDirectory();
  expect(sealKey(data).read()).toBeUndefined();
  const key = sealKey(data).make();
  expect(key).toHaveLength(32);
  expect(sealKey(data).read()).toEqual(key);
  expect(sealKey(data).make()).toEqual(key);
  expect(statSync(join(data, "seal.key")).mode & 0o777).toBe(0o600);
});

test("a key that others can read, or that is none, is refused with what to do", () => {
  const data = temporaryDirectory();
  const path = join(data, "seal.key");
  sealKey(data).make();
  chmodSync(path, 0o640);
  expect(() => sealKey(data).read()).toThrow(/others than its owner can read/);
  chmodSync(path, 0o600);
  writeFileSync(path, readFileSync(path, "utf8").slice(0, 20));
  expect(() => sealKey(data).read()).toThrow(/holds no key of ours; bring it back from a copy/);
});

test("what is said where the key is gone names the file, the workflows, and a command that makes a key that can be used", () => {
  const data = temporaryDirectory();
  const path = join(data, "seal.key");
  const ids = [1, 2, 3, 4, 5, 6, 7].map((n) => anId(n));
  const { code, message } = sealKey(data).gone(ids);
  expect(code).toBe("FAILED_PRECONDITION");
  expect(message).toContain(`the key ${path} cannot be used: it is gone, and attempts under way have handed out completion tokens`);
  expect(message).toContain(`${anId(5)} and 2 more; bring it back from a copy`);
  const [command = ""] = /rm -f .*seal\.key'\)/.exec(message) ?? [];
  const made = [1, 2].map((time) => {
    if (time === 2) writeFileSync(path, "no key", { mode: 0o644 });
    execFileSync("sh", ["-c", command]);
    return sealKey(data).read();
  });
  expect(made[0]).toHaveLength(32);
  expect(made[1]).not.toEqual(made[0]);
  rmSync(path);
});
