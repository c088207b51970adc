// A process that looks at a journal and says what it found, so that LevelDB may die of a damaged table without taking a test with it.
// Usage: journal-reader.ts DIRECTORY. One JSON line: { damage, dump: SHA-256 of all lines, streams: { ID: number of events or error code } }.

import { createHash } from "node:crypto";
import { GUARD_STREAM, seq, workflowStream } from "../../internal/base/ids.ts";
import type { StreamId } from "../../internal/base/ids.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import type { LevelJournal } from "../../internal/journal/level-journal.ts";
import { anId } from "../fakes/journal-entries.ts";

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : String(error));

async function countOf(journal: LevelJournal, stream: StreamId): Promise<number | string> {
  let count = 0;
  try {
    for await (const frame of journal.readFrames(stream, { afterSeq: seq(0) })) count += frame.events.length + frame.guardEvents.length;
    return count;
  } catch (error) {
    return codeOf(error);
  }
}

async function dumpOf(journal: LevelJournal): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const line of journal.dump({})) hash.update(line);
    return hash.digest("hex");
  } catch (error) {
    return codeOf(error);
  }
}

async function main(directory: string): Promise<void> {
  const onFatal = (error: unknown): never => {
    throw error;
  };
  const journal = await openJournal(directory, { onFatal, nowMs: Date.now, isReadOnly: false });
  const streams: Record<string, number | string> = {};
  for (const stream of [GUARD_STREAM, ...[1, 2, 3].map((n) => workflowStream(anId(n)))]) streams[stream] = await countOf(journal, stream);
  const { damage } = await journal.verify({});
  console.log(JSON.stringify({ damage, dump: await dumpOf(journal), streams }));
  await journal.close();
}

await main(process.argv[2] ?? "");
