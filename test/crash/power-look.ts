// What a data directory still knows after a loss of power, as the facts that answers had acknowledged, and whether its journal is whole.
// 1. It is opened as a starting service opens it.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseTokens } from "../../internal/api/token-record.ts";
import { GUARD_STREAM, seq, WorkflowId, workflowStream } from "../../internal/base/ids.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import type { LevelJournal } from "../../internal/journal/level-journal.ts";
import type { Image } from "./power-disk.ts";

/** What is there. */
export interface Survivor {
  readonly facts: ReadonlySet<string>;
  /** What `journal verify` says; an error of opening is one line of it. */
  readonly damage: readonly string[];
}

const FACT_OF_EVENT: ReadonlyMap<string, string> = new Map([
  ["workflowSubmitted", "submitted"],
  ["workflowExecuted", "executed"],
  ["workflowEnded", "ended"],
  ["cancelRequested", "cancelled"],
  ["workflowPaused", "paused"],
]);

/** Where directories are rebuilt: in memory, if there is room for it, since LevelDB syncs a lot when it opens one. */
export const REBUILT_BELOW = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Writes an image below a directory: `from` in it becomes `to`. */
export function writeImage(image: Image, from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const [path, bytes] of image) {
    if (!path.startsWith(`${from}/`)) continue;
    const place = join(to, path.slice(from.length));
    mkdirSync(bytes === undefined ? place : dirname(place), { recursive: true });
    if (bytes !== undefined) writeFileSync(place, bytes, { mode: 0o600 });
  }
}

/** The tokens that a data directory knows. */
export function tokenFacts(dataDir: string): readonly string[] {
  const path = join(dataDir, "tokens.json");
  return existsSync(path) ? parseTokens(readFileSync(path, "utf8")).map(({ name }) => `token ${name}`) : [];
}

/** Looks at a data directory; `ids` are the workflows that are asked about. */
export async function lookAt(dataDir: string, ids: readonly string[]): Promise<Survivor> {
  const facts = new Set(tokenFacts(dataDir));
  let journal: LevelJournal;
  try {
    const onFatal = (error: unknown): never => {
      throw error;
    };
    journal = await openJournal(dataDir, { onFatal, nowMs: Date.now, isReadOnly: false });
  } catch (error) {
    return { facts, damage: [String(error)] };
  }
  try {
    for (const text of ids) {
      for await (const { events } of journal.readFrames(workflowStream(WorkflowId.parse(text)), { afterSeq: seq(0) })) {
        for (const { kind } of events) facts.add(`${FACT_OF_EVENT.get(kind.case ?? "") ?? kind.case} ${text}`);
      }
    }
    for await (const { guardEvents } of journal.readFrames(GUARD_STREAM, { afterSeq: seq(0) })) {
      for (const { kind } of guardEvents) {
        if (kind.case === "freezePlaced") facts.add(`frozen ${kind.value.id}`);
        if (kind.case === "freezeLifted") facts.add(`thawed ${kind.value.id}`);
      }
    }
    const { damage } = await journal.verify({});
    return { facts, damage: damage.map(({ stream, seq: at, reason }) => `${stream} ${at}: ${reason}`) };
  } catch (error) {
    return { facts, damage: [String(error)] };
  } finally {
    await journal.close();
  }
}
