// A big store to measure on: finished workflows, and one large one that was killed half-way. Built once for each size and format, then copied.
//   node test/bench/big-store.ts [--quick]      builds it beforehand, and says where it is
// 1. It is built under a name of its own and renamed when it is whole. A copy shares the tables of LevelDB, which are never written to again.
// 2. Its key is a digest of the format and of the programs that write it. A change of the product that writes the same format otherwise builds no
//    other store: an old one replays for ever.

import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WorkflowId } from "../../internal/base/ids.ts";
import { JOURNAL_FORMAT } from "../../internal/journal/layout.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import { appendFinished } from "./finished-workflows.ts";
import type { Scale } from "./row.ts";

/** How large a store is. */
interface StoreSize {
  readonly workflows: number;
  readonly targets: number;
  readonly actions: number;
}

/** A store, and what is in it. */
export interface BigStore {
  /** The service's data directory; copy it before anything opens it. */
  readonly directory: string;
  readonly size: StoreSize;
  /** The one that was killed half-way. */
  readonly halfDone: WorkflowId;
  /** Some of the finished ones, spread over all of them. */
  readonly finished: readonly WorkflowId[];
  readonly buildSeconds: number;
}

const SIZES: Readonly<Record<Scale, StoreSize>> = {
  full: { workflows: 1_000_000, targets: 100_000, actions: 10 },
  quick: { workflows: 20_000, targets: 2_000, actions: 10 },
};

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const PLACE = join(tmpdir(), "holdfast-bench-stores");
/** Over how much time the finished workflows are spread: that of the guard's longest window. */
const SPREAD_MS = 30 * 24 * 3_600_000;
const SAMPLE_MAX = 10_000;
/** What says how a store is written. */
const WRITERS = [
  "proto/holdfast/journal/v1/journal.proto",
  "proto/holdfast/v1/event.proto",
  "proto/holdfast/v1/status.proto",
  "proto/holdfast/v1/workflow.proto",
  "test/bench/finished-workflows.ts",
  "test/bench/half-done-workflow.ts",
];

/** The store of a scale; built when there is none yet. */
export async function bigStore(scale: Scale): Promise<BigStore> {
  const size = SIZES[scale];
  const writers = WRITERS.map((path) => readFileSync(join(PROJECT, path), "utf8"));
  const key = hash("sha256", JSON.stringify([JOURNAL_FORMAT, size, writers]), "hex").slice(0, 16);
  const directory = join(PLACE, `${scale}-${key}`);
  if (!existsSync(directory)) await build(directory, size);
  const content = JSON.parse(readFileSync(join(directory, "content.json"), "utf8"));
  return { directory: join(directory, "data"), size, ...content };
}

/** A copy of a store that a service may go on with, in a directory of the caller's. */
export function copyStore({ directory }: BigStore, to: string): void {
  mkdirSync(join(to, "journal"), { recursive: true, mode: 0o700 });
  copyFileSync(join(directory, "journal-head"), join(to, "journal-head"));
  for (const name of readdirSync(join(directory, "journal"))) {
    const [source, copy] = [join(directory, "journal", name), join(to, "journal", name)];
    if (name.endsWith(".ldb")) linkSync(source, copy);
    else copyFileSync(source, copy);
  }
}

/** How many bytes a store has on disk. */
function storeBytes(directory: string): number {
  const journal = join(directory, "journal");
  return readdirSync(journal).reduce((sum, name) => sum + statSync(join(journal, name)).size, 0);
}

async function build(place: string, size: StoreSize): Promise<void> {
  mkdirSync(PLACE, { recursive: true });
  const made = mkdtempSync(`${place}.partial-`);
  try {
    const startMs = performance.now();
    const data = join(made, "data");
    mkdirSync(data, { mode: 0o700 });
    const finished = await buildFinished(data, size.workflows);
    const halfDone = await buildHalfDone(data, size);
    const buildSeconds = Math.round((performance.now() - startMs) / 1_000);
    writeFileSync(join(made, "content.json"), JSON.stringify({ halfDone, finished, buildSeconds }));
    renameSync(made, place);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    throw error;
  }
}

async function buildFinished(data: string, count: number): Promise<readonly WorkflowId[]> {
  const onFatal = (error: unknown): void => {
    throw error;
  };
  const toMs = Date.now();
  const finished: WorkflowId[] = [];
  const every = Math.ceil(count / SAMPLE_MAX);
  const journal = await openJournal(data, { onFatal, nowMs: () => Date.now(), isReadOnly: false });
  const onId = (id: WorkflowId, index: number): void => void (index % every === 0 && finished.push(id));
  await appendFinished(journal, { count, fromMs: toMs - SPREAD_MS, toMs, onId });
  await journal.close();
  return finished;
}

/** Runs half of the large workflow in a process that kills itself. */
function buildHalfDone(data: string, { targets, actions }: StoreSize): Promise<WorkflowId> {
  const program = join(PROJECT, "test/bench/half-done-workflow.ts");
  const child = spawn(process.execPath, [program, data, String(targets), String(actions)], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => void (said += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (signal === "SIGKILL") resolve(WorkflowId.parse(said.trim()));
      else reject(new Error(`the workflow to be killed half-way ended by itself (${code ?? signal}): ${said}`));
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const store = await bigStore(process.argv.includes("--quick") ? "quick" : "full");
  const mebibytes = Math.round(storeBytes(store.directory) / 1_048_576);
  console.log(`${store.directory}: ${mebibytes} MiB, built in ${store.buildSeconds} s`);
}
