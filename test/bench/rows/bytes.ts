// What a durable task writes into the journal, and on what its bytes are spent.
// 1. All that the workflow wrote counts, its list of targets too: each target has one task here, so that none shares its target's cost.

import { runDurably } from "../durable-workflow.ts";
import { measureJournal } from "../journal-bytes.ts";
import type { JournalBytes, Part } from "../journal-bytes.ts";
import type { Figure, Row, Scale } from "../row.ts";

const SIZES = {
  full: { repeats: 3, targets: 100_000 },
  quick: { repeats: 2, targets: 10_000 },
} as const;
const PARALLEL = 256;
/** Two records of 110 bytes, as the floor of the row "no-op" writes them. */
const FLOOR_BYTES = 220;

const PARTS: readonly Part[] = [
  "attempts' starts",
  "attempts' ends",
  "the workflow's other events",
  "the guard's events",
  "frames around events",
  "headers, heads, indexes",
];

/** The row. */
export const row: Row = { name: "bytes", title: "Journal bytes a no-op task, its checksums in full", measure };

async function measure(scale: Scale): Promise<readonly Figure[]> {
  const { repeats, targets } = SIZES[scale];
  const found: JournalBytes[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    found.push(await runDurably({ targets, actions: 1, parallel: PARALLEL }, (_, dataDirectory) => measureJournal(dataDirectory)));
  }
  const perTask = (what: string, bytesOf: (bytes: JournalBytes) => number): Figure => {
    return { what, unit: "B", better: "lower", values: found.map((bytes) => bytesOf(bytes) / targets) };
  };
  const total = perTask("bytes a task", ({ parts }) => [...parts.values()].reduce((sum, bytes) => sum + bytes, 0));
  const floor = { what: "two 110-byte records", values: found.map(() => FLOOR_BYTES) };
  const syncs = { what: "synced batches for 1,000 tasks", unit: "", better: "lower", isGuarded: true } as const;
  return [
    { ...total, floor, wanted: "<= 250", isGuarded: true },
    ...PARTS.map((part) => perTask(`of these: ${part}`, ({ parts }) => parts.get(part) ?? 0)),
    perTask("on the disk, once LevelDB has packed it", ({ onDisk }) => onDisk),
    {
      ...syncs,
      values: found.map(({ batches }) => (batches * 1_000) / targets),
      floor: { what: "one for each 256", values: found.map(() => 1_000 / PARALLEL) },
    },
  ];
}
