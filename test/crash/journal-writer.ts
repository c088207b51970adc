// A process that appends to a journal until it is killed (or its writes fail), and says on stdout what was acknowledged.
// Usage: journal-writer.ts DIRECTORY. Lines: `ack STREAM SEQ`; `fatal` after a failed write.

import { writeSync } from "node:fs";
import { GUARD_STREAM, seq, workflowStream } from "../../internal/base/ids.ts";
import type { StreamId } from "../../internal/base/ids.ts";
import { openJournal } from "../../internal/journal/open-journal.ts";
import type { LevelJournal } from "../../internal/journal/level-journal.ts";
import { encodeDetail } from "../../internal/workflow/detail-codec.ts";
import { aDetail, anEntry, anId, attemptEnded, continued, lockTaken, opening } from "../fakes/journal-entries.ts";

const WORKFLOWS = 5;
const IN_FLIGHT = 64;
/** The last workflow is an endless one: each generation has so many events, and the one before is kept. */
const GENERATION = 50;

async function lastSeq(journal: LevelJournal, stream: StreamId): Promise<number> {
  let last = 0;
  for await (const frame of journal.readFrames(stream, { afterSeq: seq(0) }))
    last = frame.firstSeq + frame.events.length + frame.guardEvents.length - 1;
  return last;
}

async function main(directory: string): Promise<void> {
  const say = (line: string): void => void writeSync(1, `${line}\n`);
  const onFatal = (): void => say("fatal");
  const journal = await openJournal(directory, { onFatal, nowMs: Date.now, isReadOnly: false });
  const ends: number[] = [];
  for (let n = 1; n <= WORKFLOWS; n++) ends[n] = await lastSeq(journal, workflowStream(anId(n)));
  let guardEnd = await lastSeq(journal, GUARD_STREAM);
  const inFlight: Promise<void>[] = [];
  for (let turn = 0; ; turn++) {
    const n = (turn % WORKFLOWS) + 1;
    const at = (ends[n] ?? 0) + 1;
    ends[n] = at;
    const guardAt = ++guardEnd;
    const detail = aDetail(at, { outputTail: `output ${at} `.repeat(turn % 40) });
    const isStart = n === WORKFLOWS && at % GENERATION === 0;
    const generation = at / GENERATION + 1;
    const cut = generation > 2 ? { cutBefore: at - GENERATION } : {};
    const base = isStart
      ? anEntry({ id: anId(n), firstSeq: at, events: [continued(generation, at)], ...cut })
      : at === 1
        ? opening(anId(n))
        : anEntry({ id: anId(n), firstSeq: at, events: [attemptEnded(at, { detailCrc: encodeDetail(detail).crc })] });
    const entry = {
      ...base,
      details: isStart ? [] : [detail],
      guardEvents: [lockTaken(`t${guardAt}`, anId(n))],
      guardFirstSeq: seq(guardAt),
    };
    const appended = journal.append(entry).then(() => {
      say(`ack ${anId(n)} ${at}`);
      say(`ack guard ${guardAt}`);
    });
    if (inFlight.push(appended) >= IN_FLIGHT) await inFlight.shift();
  }
}

await main(process.argv[2] ?? "");
