// A flipped byte in LevelDB's tables, which LevelDB reads without looking at its own checksums: it is seen, or it had no meaning.
// Each look is a process of its own, since LevelDB may abort on a table whose blocks are nonsense: that is loud enough.

import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { encodeDetail } from "../../internal/workflow/detail-codec.ts";
import { aDetail, anEntry, anId, attemptEnded, lockTaken, NOON_MS, opening } from "../fakes/journal-entries.ts";
import { seededRandom } from "../fakes/fake-ids.ts";
import { temporaryDirectory } from "../fakes/temp-directory.ts";

const SEED = Number(process.env["HOLDFAST_SEED"] ?? 7);
const FLIPS = 24;
const BATCHES = 60;
const READER = join(import.meta.dirname, "journal-reader.ts");

interface Look {
  readonly damage: readonly unknown[];
  readonly dump: string;
  readonly streams: Readonly<Record<string, number | string>>;
}

const open = (directory: string) =>
  openJournal(directory, {
    onFatal: (error) => {
      throw error;
    },
    nowMs: () => NOON_MS,
    isReadOnly: false,
  });

/** Three workflows, sixty batches, all in one table. */
async function writeTable(directory: string): Promise<string> {
  const journal = await open(directory);
  for (let at = 1; at <= BATCHES; at++) {
    const detail = aDetail(at, { outputTail: `${at} is the output of ${at * 7919}` });
    const events = [attemptEnded(at, { detailCrc: encodeDetail(detail).crc })];
    const appends = [1, 2, 3].map((n) => {
      const guard = { guardEvents: [lockTaken(`t${at}`, anId(n))], guardFirstSeq: (at - 1) * 3 + n };
      const { index } = opening(anId(n));
      const indexed = at === 1 && index !== undefined ? { index } : {};
      return journal.append(anEntry({ id: anId(n), firstSeq: at, events, details: [detail], ...guard, ...indexed }));
    });
    await Promise.all(appends);
  }
  await journal.close();
  await (await open(directory)).close(); // opening moves the log into a table
  const tables = readdirSync(join(directory, "journal")).filter((name) => name.endsWith(".ldb"));
  // The first one holds the meta row alone.
  const sizeOf = (name: string): number => statSync(join(directory, "journal", name)).size;
  const table = tables.toSorted((left, right) => sizeOf(right) - sizeOf(left))[0];
  return join("journal", table ?? "no table");
}

function look(directory: string): Look | "aborted" | "refused" {
  const { stdout, stderr, signal } = spawnSync(process.execPath, [READER, directory], { encoding: "utf8" });
  if (signal === "SIGABRT") return "aborted";
  if (stderr.includes("DATA_LOSS")) return "refused";
  return JSON.parse(stdout) as Look;
}

test(`no flipped byte in LevelDB's tables passes in silence (seed ${SEED})`, async () => {
  const original = temporaryDirectory();
  const table = await writeTable(original);
  const size = readFileSync(join(original, table)).length;
  const random = seededRandom(SEED);
  const whole = look(original);
  if (typeof whole === "string") throw new Error(whole);
  expect(whole.damage).toEqual([]);
  expect(Object.values(whole.streams)).toEqual([3 * BATCHES, BATCHES, BATCHES, BATCHES]);
  let seen = 0;
  for (let flip = 0; flip < FLIPS; flip++) {
    const at = Math.floor(random() * size);
    const copy = temporaryDirectory();
    cpSync(original, copy, { recursive: true });
    const bytes = readFileSync(join(copy, table));
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (flip % 8));
    writeFileSync(join(copy, table), bytes);
    const found = look(copy);
    rmSync(copy, { recursive: true });
    if (typeof found === "string") seen++;
    else {
      if (found.damage.length > 0) seen++;
      else expect(found.dump, `byte ${at} of ${size}`).toBe(whole.dump);
      for (const [stream, count] of Object.entries(found.streams))
        expect(["DATA_LOSS", whole.streams[stream]], `byte ${at}`).toContain(count);
    }
  }
  expect(seen).toBeGreaterThan(FLIPS / 4);
});
