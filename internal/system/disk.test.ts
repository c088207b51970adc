import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { diskOf } from "./disk.ts";

test("a directory's disk has some free bytes, less than an exabyte", async () => {
  const free = await diskOf(tmpdir()).freeBytes();
  expect(free).toBeGreaterThan(0);
  expect(free).toBeLessThan(2 ** 60);
});

test("a directory that is not there is an error that names it", async () => {
  await expect(diskOf("/no/such/directory").freeBytes()).rejects.toThrow(/no\/such\/directory/);
});
