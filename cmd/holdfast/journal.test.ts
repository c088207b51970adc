import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { startApi } from "../../test/fakes/api-server.ts";
import { CliDesk } from "../../test/fakes/cli-world.ts";
import { all, anId, NOON_MS, opening } from "../../test/fakes/journal-entries.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";

/** A backup of a journal with one open workflow. */
async function aBackup(): Promise<Uint8Array> {
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(temporaryDirectory(), { onFatal, nowMs: () => NOON_MS, isReadOnly: false });
  await journal.append(opening(anId(1), { namespace: "db" }));
  const bytes = Buffer.concat(await all(journal.backup()));
  await journal.close();
  return bytes;
}

async function aDesk(backup: () => AsyncIterable<Uint8Array>): Promise<{ readonly desk: CliDesk; readonly file: string }> {
  const api = await startApi({ journal: { backup } });
  onTestFinished(() => api.stop());
  const desk = new CliDesk({ HOLDFAST_ADDR: api.address, HOLDFAST_TOKEN: "test-token" }, temporaryDirectory());
  return { desk, file: join(desk.directory, "backup") };
}

test("journal backup writes a file for its owner alone, and says what is in it; journal restore names what is open", async () => {
  const bytes = await aBackup();
  const { desk, file } = await aDesk(async function* backup() {
    for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
  });
  const taken = await desk.run(["journal", "backup", file, "-o", "json"]);
  expect([taken.code, taken.json()[0]]).toMatchObject([
    0,
    { file, workflows: 1, openWorkflows: 1, takenAt: "2026-01-01T12:00:00Z", batch: 1 },
  ]);
  expect([statSync(file).mode & 0o777, Buffer.compare(readFileSync(file), bytes)]).toEqual([0o600, 0]);
  expect(await desk.run(["journal", "verify", "--backup", file])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^whole: .*1 open/),
  });
  const data = join(desk.directory, "new");
  const restored = await desk.run(["journal", "restore", file, "--data", data]);
  expect([restored.code, restored.stdout]).toEqual([0, expect.stringContaining(`\nopen ${anId(1)} fix in db\n`)]);
  expect(restored.stderr).toMatch(/tokens are not in a backup/);
  expect(await desk.run(["journal", "restore", file, "--data", data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("never writes over one"),
  });
  const verified = await desk.run(["journal", "verify", "--data", data, "--head", String(taken.json()[0]?.["head"])]);
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whole/) });
});

test("a stream that is no backup, or ends before its closing record, leaves no file", async () => {
  const bytes = await aBackup();
  for (const cut of [0, 5, 40, bytes.length - 1]) {
    const { desk, file } = await aDesk(async function* backup() {
      if (cut > 0) yield bytes.subarray(0, cut);
    });
    const ended = await desk.run(["journal", "backup", file]);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/cut short|no backup/) });
    expect(readdirSync(desk.directory)).toEqual([]);
  }
});

test("a file that is there stays as it is when its replacement fails, and what a killed client left is no hindrance", async () => {
  const bytes = await aBackup();
  let isBroken = true;
  const { desk, file } = await aDesk(async function* backup() {
    yield isBroken ? bytes.subarray(0, 50) : bytes;
  });
  writeFileSync(file, "an older backup");
  writeFileSync(`${file}.partial`, "left");
  expect(await desk.run(["journal", "backup", file])).toMatchObject({ code: 1, stderr: expect.stringContaining("--force") });
  expect((await desk.run(["journal", "backup", file, "--force"])).code).toBe(1);
  expect(readFileSync(file, "utf8")).toBe("an older backup");
  isBroken = false;
  expect((await desk.run(["journal", "backup", file, "--force"])).code).toBe(0);
  expect([readFileSync(file).length, existsSync(`${file}.partial`)]).toEqual([bytes.length, false]);
});

test("an interrupt ends a backup and leaves no file", async () => {
  const bytes = await aBackup();
  const { desk, file } = await aDesk(async function* backup() {
    yield bytes.subarray(0, 50);
    desk.interrupt.abort();
    await new Promise<void>(() => undefined);
  });
  expect((await desk.run(["journal", "backup", file])).code).toBe(130);
  expect(readdirSync(desk.directory)).toEqual([]);
});

test("wrong ways to say it are refused with the right one", async () => {
  const desk = new CliDesk({}, temporaryDirectory());
  const file = desk.file("junk", "junk");
  const cases: readonly (readonly [args: readonly string[], code: number, message: RegExp])[] = [
    [["journal", "verify", "--backup", file], 1, /is no backup of a journal: it does not begin with "HOLDFAST BACKUP"/],
    [["journal", "verify", "--backup", join(desk.directory, "none")], 4, /cannot be read \(ENOENT\)/],
    [["journal", "verify", "--backup", file, "--data", "x"], 2, /--backup stands alone/],
    [["journal", "restore", file], 2, /--data/],
    [["journal", "restore", join(desk.directory, "none"), "--data", join(desk.directory, "d")], 4, /there is no backup/],
    [["journal", "restore", file, "--data", join(desk.directory, "d")], 1, /is no backup of a journal/],
    [
      ["journal", "backup", join(desk.directory, "no", "such", "directory")],
      1,
      /cannot be written \(ENOENT\), and there is no backup there/,
    ],
  ];
  for (const [args, code, message] of cases)
    expect(await desk.run(args), args.join(" ")).toMatchObject({ code, stderr: expect.stringMatching(message) });
});
