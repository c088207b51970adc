// JournalService over the journal: reads only.
// 1. A dump is handed on in slices that are bounded in lines and bytes, a backup in chunks; a slow reader slows the reading, it fills no buffer.

import type { ServiceImpl } from "@connectrpc/connect";
import { DUMP_BYTES_MAX, DUMP_LINES_MAX } from "../base/limits.ts";
import type { Journal } from "../engine/ports.ts";
import type { JournalService } from "../gen/holdfast/v1/journal_service_pb.ts";
import type { Answers } from "./answer.ts";
import { becomeWaiting } from "./call-gate.ts";

/** What the API needs of the journal. */
export type ReadJournal = Pick<Journal, "verify" | "dump" | "backup">;

/** The service's methods. */
export function createJournalHandlers(journal: ReadJournal, { unary, stream }: Answers): ServiceImpl<typeof JournalService> {
  return {
    verifyJournal: unary(async (request, context) => {
      becomeWaiting(context); // a long journal takes its time
      const { signal } = context;
      const report = await journal.verify(request.head === "" ? { signal } : { head: request.head, signal });
      return {
        batches: BigInt(report.batches),
        frames: BigInt(report.frames),
        events: BigInt(report.events),
        head: report.head,
        damage: report.damage.map(({ stream: name, seq, reason }) => ({
          $typeName: "holdfast.v1.JournalDamage" as const,
          stream: name,
          seq: BigInt(seq),
          reason,
        })),
      };
    }),
    backupJournal: stream((_request, { signal }) => backupChunks(journal.backup(), signal)),
    dumpJournal: stream((request, { signal }) => dumpSlices(journal.dump(request.stream === "" ? {} : { stream: request.stream }), signal)),
  };
}

async function* backupChunks(source: AsyncIterable<Uint8Array>, signal: AbortSignal) {
  for await (const data of source) {
    if (signal.aborted) return; // it ends with the reason, and without its closing record
    yield { data };
  }
}

async function* dumpSlices(source: AsyncIterable<string>, signal: AbortSignal): AsyncIterable<{ lines: string[] }> {
  let lines: string[] = [];
  let length = 0;
  for await (const line of source) {
    if (signal.aborted) return;
    lines.push(line);
    length += line.length;
    if (lines.length < DUMP_LINES_MAX && length < DUMP_BYTES_MAX) continue;
    yield { lines };
    [lines, length] = [[], 0];
  }
  if (lines.length > 0) yield { lines };
}
