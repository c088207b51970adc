import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FakeClock } from "../../test/fakes/fake-clock.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { STOP_FILE_POLL_MS } from "../base/limits.ts";
import { STOP_FILE, openStopFile } from "./stop-file.ts";

function open(directory: string) {
  const clock = new FakeClock();
  const stopFile = openStopFile(directory, clock);
  onTestFinished(() => stopFile.close());
  return { clock, stopFile };
}

test("the file is there from the moment somebody makes it, a dangling link too, until somebody takes it away", () => {
  const directory = temporaryDirectory();
  const path = join(directory, STOP_FILE);
  const { stopFile } = open(directory);
  expect(stopFile.look()).toEqual({ kind: "absent" });
  writeFileSync(path, "");
  expect(stopFile.look()).toEqual({ kind: "present", path });
  rmSync(path);
  symlinkSync("/nowhere/at/all", path);
  expect(stopFile.look()).toEqual({ kind: "present", path });
  rmSync(path);
  expect(stopFile.look()).toEqual({ kind: "absent" });
});

test("what cannot be examined is not absent: it says why", () => {
  const loop = join(temporaryDirectory(), "loop");
  symlinkSync(loop, loop);
  const { stopFile } = open(loop);
  expect(stopFile.look()).toMatchObject({ kind: "unreadable", path: join(loop, STOP_FILE), reason: expect.stringContaining("ELOOP") });
});

test("who asked hears of its coming and of its going, once each", () => {
  const directory = temporaryDirectory();
  const path = join(directory, STOP_FILE);
  const { clock, stopFile } = open(directory);
  let heard = 0;
  stopFile.onChange(() => (heard += 1));
  clock.advance(STOP_FILE_POLL_MS);
  expect(heard).toBe(0);
  writeFileSync(path, "");
  clock.advance(3 * STOP_FILE_POLL_MS);
  expect(heard).toBe(1);
  rmSync(path);
  clock.advance(3 * STOP_FILE_POLL_MS);
  expect(heard).toBe(2);
});

test("who asked hears of what came and went between two polls, when a look in between found it", () => {
  const directory = temporaryDirectory();
  const path = join(directory, STOP_FILE);
  const { clock, stopFile } = open(directory);
  let heard = 0;
  stopFile.onChange(() => (heard += 1));
  writeFileSync(path, "");
  expect(stopFile.look().kind).toBe("present"); // a turn's, which froze its workflow
  rmSync(path);
  clock.advance(STOP_FILE_POLL_MS);
  expect(heard).toBe(1);
  clock.advance(3 * STOP_FILE_POLL_MS);
  expect(heard).toBe(1);
});
