// The Inventory port: all sources merged, re-read when they change, and never used when they are broken.
// 1. targets() answers from files as they are at that moment: it looks at each and reads again what has changed.
// 2. While a source is broken, targets() refuses with all faults: labels that are stale choose the wrong hosts (H8). What runs has its own frozen list.
// 3. A program's answer is as old as INVENTORY_RUN_INTERVAL_MS at most; when the program itself was changed, targets() waits for its next answer.

import { HoldfastError } from "../base/errors.ts";
import type { ErrorDetail } from "../base/errors.ts";
import * as limits from "../base/limits.ts";
import type { Clock, Inventory } from "../engine/ports.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FoundTarget, Reading } from "./reading.ts";
import { kindOf, readSource, runSource, sourceOf, stampOf } from "./source.ts";
import type { Source, SourceKind } from "./source.ts";
import { shown } from "./target-fields.ts";

/** What an inventory needs to know. */
export interface InventoryOptions {
  /** As given by `--inventory`; relative ones count from `base`. */
  readonly files: readonly string[];
  readonly base: string;
  /** For `~/` in paths; empty: none. */
  readonly home: string;
  readonly clock: Clock;
  /** Hears of every change, good or bad. */
  readonly log: (line: string) => void;
}

/** An inventory that looks after itself until it is closed. */
export interface OpenInventory extends Inventory {
  /** What is wrong with the sources as last read; undefined: nothing. */
  problem(): string | undefined;
  /** Ends the looking. */
  close(): void;
}

interface SourceState {
  readonly source: Source;
  stamp: string | undefined;
  /** The last reading; its faults make the whole inventory unusable. */
  reading: Reading;
  isRunning: boolean;
  ranAtMs: number;
}

/** Reads all sources; throws INVALID_ARGUMENT with all faults of all of them when one is broken. */
export async function openInventory(options: InventoryOptions): Promise<OpenInventory> {
  if (options.files.length > limits.INVENTORY_FILES_MAX) {
    throw new HoldfastError("INVALID_ARGUMENT", `at most ${limits.INVENTORY_FILES_MAX} inventories; found ${options.files.length}`);
  }
  const inventory = new FileInventory(options);
  await inventory.start();
  return inventory;
}

class FileInventory implements OpenInventory {
  readonly #clock: Clock;
  readonly #log: (line: string) => void;
  readonly #states: readonly SourceState[];
  #targets: readonly Target[] = [];
  #faults: readonly ErrorDetail[] = [];
  #cancelPoll = (): void => undefined;
  #isClosed = false;

  constructor({ files, base, home, clock, log }: InventoryOptions) {
    this.#clock = clock;
    this.#log = log;
    const empty: Reading = { targets: [], faults: [], warnings: [] };
    this.#states = files.map((file) => ({
      source: sourceOf(file, { base, home }),
      stamp: undefined,
      reading: empty,
      isRunning: false,
      ranAtMs: 0,
    }));
  }

  async start(): Promise<void> {
    for (const state of this.#states) {
      if (kindOrFault(state) === "program") await this.#run(state);
      else this.#read(state);
    }
    this.#merge();
    if (this.#faults.length > 0) throw refusal("INVALID_ARGUMENT", this.#faults);
    this.#poll();
  }

  targets(): readonly Target[] {
    this.#refresh();
    if (this.#faults.length > 0) throw refusal("FAILED_PRECONDITION", this.#faults);
    const running = this.#states.find((state) => state.isRunning && state.stamp !== stampOf(state.source));
    if (running !== undefined) {
      throw new HoldfastError(
        "UNAVAILABLE",
        `inventory ${running.source.file} was changed and is being asked again; try again in a moment`,
      );
    }
    return this.#targets;
  }

  problem(): string | undefined {
    return this.#faults.length === 0 ? undefined : refusal("FAILED_PRECONDITION", this.#faults).message;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelPoll();
  }

  #poll(): void {
    this.#cancelPoll = this.#clock.after(limits.INVENTORY_POLL_MS, () => {
      if (this.#isClosed) return;
      this.#refresh();
      this.#poll();
    });
  }

  /** Reads again what has changed; programs are started and answer later. */
  #refresh(): void {
    let isChanged = false;
    for (const state of this.#states) {
      const hasMoved = stampOf(state.source) !== state.stamp;
      const isProgram = kindOrFault(state) === "program";
      const isDue = isProgram && this.#clock.monotonicMs() - state.ranAtMs >= limits.INVENTORY_RUN_INTERVAL_MS;
      if (isProgram && (hasMoved || isDue)) this.#startRun(state);
      else if (hasMoved) {
        this.#read(state);
        isChanged = true;
      }
    }
    if (isChanged) this.#merge();
  }

  #startRun(state: SourceState): void {
    if (state.isRunning) return;
    void this.#run(state).then(() => {
      if (!this.#isClosed) this.#merge();
    });
  }

  async #run(state: SourceState): Promise<void> {
    state.isRunning = true;
    try {
      const { stamp, ...reading } = await runSource(state.source);
      Object.assign(state, { stamp, reading });
    } catch (error) {
      Object.assign(state, { stamp: stampOf(state.source), reading: brokenReading(error) });
    } finally {
      Object.assign(state, { isRunning: false, ranAtMs: this.#clock.monotonicMs() });
    }
  }

  #read(state: SourceState): void {
    try {
      const kind = kindOf(state.source);
      if (kind === "program") return;
      const { stamp, ...reading } = readSource(state.source, kind);
      Object.assign(state, { stamp, reading });
    } catch (error) {
      Object.assign(state, { stamp: stampOf(state.source), reading: brokenReading(error) });
    }
  }

  #merge(): void {
    const before = this.problem();
    const faults = this.#states.flatMap(({ reading }) => reading.faults);
    const merged = mergeTargets(
      this.#states.map(({ reading }) => reading.targets),
      faults,
    );
    this.#faults = faults;
    if (faults.length === 0) {
      this.#targets = merged;
      this.#log(`inventory: ${merged.length} targets from ${this.#states.length} sources`);
      for (const { reading, source } of this.#states)
        for (const warning of reading.warnings) this.#log(`inventory ${source.file}: ${warning}`);
    } else if (this.problem() !== before) {
      this.#log(`inventory is broken; nothing can be submitted until it is mended, what runs goes on:\n${this.problem() ?? ""}`);
    }
  }
}

/** All targets, sorted by name; a name that stands twice is a fault that names both places. */
function mergeTargets(lists: readonly (readonly FoundTarget[])[], faults: ErrorDetail[]): readonly Target[] {
  const byName = new Map<string, FoundTarget>();
  for (const list of lists) {
    for (const found of list) {
      const { name } = found.target;
      const first = byName.get(name);
      if (first === undefined) byName.set(name, found);
      else if (faults.length < limits.INVENTORY_FAULTS_MAX) {
        faults.push({
          place: found.place(),
          reason: `target ${shown(name)} stands at ${first.place()} already; a name stands once in all inventories`,
        });
      }
    }
  }
  if (byName.size > limits.TARGETS_MAX) {
    faults.push({ place: "", reason: `all inventories together have at most ${limits.TARGETS_MAX} targets; found ${byName.size}` });
  }
  const names = [...byName.keys()].sort();
  return names.flatMap((name) => byName.get(name)?.target ?? []);
}

function kindOrFault({ source }: SourceState): SourceKind | undefined {
  try {
    return kindOf(source);
  } catch {
    return undefined; // #read meets the same fault and notes it
  }
}

function brokenReading(error: unknown): Reading {
  if (!(error instanceof HoldfastError)) throw error;
  return { targets: [], faults: error.details, warnings: [] };
}

function refusal(code: "INVALID_ARGUMENT" | "FAILED_PRECONDITION", faults: readonly ErrorDetail[]): HoldfastError {
  const details = faults.slice(0, limits.INVENTORY_FAULTS_MAX);
  const rest = faults.length - details.length;
  const lines = details.map(({ place, reason }) => (place === "" ? reason : `${place}: ${reason}`));
  return new HoldfastError(code, [...lines, ...(rest > 0 ? [`and ${rest} more`] : [])].join("\n"), { details });
}
