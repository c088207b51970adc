// journal verify, journal dump: through the running service, or with --data straight from a data directory whose service is down.
// 1. The journal module is loaded only with --data or --backup; nothing is ever written.

import { create } from "@bufbuild/protobuf";
import { HoldfastError } from "../../../internal/base/errors.ts";
import type { VerifyJournalResponse } from "../../../internal/gen/holdfast/v1/journal_service_pb.ts";
import { VerifyJournalResponseSchema } from "../../../internal/gen/holdfast/v1/journal_service_pb.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE, EXIT_FAILED } from "../exit-code.ts";
import type { Options } from "../options.ts";
import { textOption } from "../options.ts";

/** What is read of a journal; the module's own type would load it. */
interface OfflineJournal {
  verify(options: { readonly head?: string }): Promise<JournalFindings>;
  dump(options: { readonly stream?: string }): AsyncIterable<string>;
}

interface JournalFindings {
  readonly batches: number;
  readonly frames: number;
  readonly events: number;
  readonly head: string;
  readonly damage: readonly { readonly stream: string; readonly seq: number; readonly reason: string }[];
}

const HEAD = /^[0-9a-f]{64}$/;

/** journal verify: 0 when the journal is whole, 1 when it is not. */
export async function verify(context: Context, _args: readonly string[], options: Options): Promise<number> {
  const head = textOption(options, "head") ?? "";
  if (head !== "" && !HEAD.test(head))
    throw new HoldfastError("INVALID_ARGUMENT", "--head must be 64 hex digits, as an earlier verify printed them");
  const file = textOption(options, "backup");
  const data = textOption(options, "data");
  if (file !== undefined) {
    if (head !== "" || data !== undefined)
      throw new HoldfastError("INVALID_ARGUMENT", "--backup stands alone: the file says itself which head it reaches");
    return (await import("./journal-backup.ts")).verifyBackup(context, file);
  }
  const found =
    data === undefined
      ? await (await context.client()).verifyJournal({ head }, context.world.interrupted)
      : await verifyOffline(context, data, head);
  if (context.out.isJson) await context.out.message(VerifyJournalResponseSchema, found);
  else for (const line of verifyLines(found)) context.out.line(line);
  if (found.damage.length === 0) return EXIT_DONE;
  context.out.talk(
    "the journal is damaged: keep a copy of the data directory as it is, and see docs/journal-format.md for what can be done",
  );
  return EXIT_FAILED;
}

/** journal dump */
export async function dump(context: Context, _args: readonly string[], options: Options): Promise<number> {
  const stream = textOption(options, "stream") ?? "";
  const data = textOption(options, "data");
  if (data !== undefined) {
    await withJournal(context, data, (journal) => printLines(context, journal.dump(stream === "" ? {} : { stream })));
    return EXIT_DONE;
  }
  await printLines(context, (await context.client()).dumpJournal({ stream }, context.world.interrupted));
  return EXIT_DONE;
}

async function printLines(context: Context, lines: AsyncIterable<string>): Promise<void> {
  for await (const line of lines) {
    if (!context.out.stdout.isOpen()) break;
    context.out.line(line);
    await context.out.stdout.drained();
  }
}

function verifyOffline(context: Context, data: string, head: string): Promise<VerifyJournalResponse> {
  return withJournal(context, data, async (journal) => {
    const report = await journal.verify(head === "" ? {} : { head });
    return create(VerifyJournalResponseSchema, {
      batches: BigInt(report.batches),
      frames: BigInt(report.frames),
      events: BigInt(report.events),
      head: report.head,
      damage: report.damage.map(({ stream, seq, reason }) => ({ stream, seq: BigInt(seq), reason })),
    });
  });
}

async function withJournal<Answer>(context: Context, data: string, look: (journal: OfflineJournal) => Promise<Answer>): Promise<Answer> {
  const { openJournal } = await import("../../../internal/journal/open-journal.ts");
  const journal = await openJournal(data, { isReadOnly: true, nowMs: () => context.world.clock.nowMs(), onFatal: () => undefined });
  try {
    return await look(journal);
  } finally {
    await journal.close();
  }
}

function verifyLines(found: VerifyJournalResponse): readonly string[] {
  return [
    `${found.damage.length === 0 ? "whole" : "DAMAGED"}: ${found.batches} batches, ${found.frames} frames, ${found.events} events`,
    `head ${found.head}`,
    ...found.damage.map(({ stream, seq, reason }) => `damage ${stream === "" ? "headers" : stream} ${seq}: ${reason}`),
  ];
}
