// journal backup: from the running service into a file. journal restore: from the file into a data directory whose service is down.
// 1. A file that is there is not written over unless --force says so; a journal that is there never is.
// 2. The journal module is loaded only when it is needed.

import { existsSync } from "node:fs";
import { timestampFromMs, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { toJson } from "@bufbuild/protobuf";
import { HoldfastError } from "../../../internal/base/errors.ts";
import type { JsonObject } from "../../../internal/base/json.ts";
import { readBackupFile, writeBackupFile } from "../backup-file.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE, EXIT_FAILED } from "../exit-code.ts";
import type { Options } from "../options.ts";
import { flag, textOption } from "../options.ts";

/** What is told of a backup; the module's own type would load it. */
interface BackupFacts {
  readonly bytes: number;
  readonly rows: number;
  readonly workflows: number;
  readonly openWorkflows: number;
  readonly damagedRows: number;
  readonly takenMs: number;
  readonly batch: number;
  readonly head: string;
  readonly store: string;
  readonly sha256: string;
}

/** What is told of a restore. */
interface RestoreFacts {
  readonly backup: BackupFacts;
  readonly report: { readonly damage: readonly unknown[] };
  readonly open: readonly { readonly status: { readonly id: string; readonly name: string; readonly namespace: string } }[];
  readonly acknowledged: number | undefined;
}

/** How many open workflows are named. */
const OPEN_SHOWN_MAX = 20;

/** journal backup FILE */
export async function backup(context: Context, [file = ""]: readonly string[], options: Options): Promise<number> {
  if (existsSync(file) && !flag(options, "force"))
    throw new HoldfastError("ALREADY_EXISTS", `${file} is there already; name another file, or replace it with --force`);
  const client = await context.client();
  const found = await writeBackupFile(file, client.backupJournal(context.world.interrupted), (bytes) => check(bytes, `${file}.partial`));
  await print(context, { file, ...found }, [`wrote ${file}: ${whatIsIn(found)}`, ...places(found)]);
  if (found.damagedRows > 0) context.out.talk(damageNote(found));
  context.out.talk(
    `keep it on another machine, with tokens.json, seal.key and the head; "holdfast journal restore ${file} --data NEWDIR" brings the journal back, frozen`,
  );
  return EXIT_DONE;
}

/** journal verify --backup FILE: 0 when the file is whole and nothing in it is damaged. */
export async function verifyBackup(context: Context, file: string): Promise<number> {
  const found = await check(readBackupFile(file), file);
  await print(context, { file, ...found }, [`whole: ${whatIsIn(found)}`, ...places(found)]);
  if (found.damagedRows === 0) return EXIT_DONE;
  context.out.talk(damageNote(found));
  return EXIT_FAILED;
}

/** journal restore FILE --data DIR */
export async function restore(context: Context, [file = ""]: readonly string[], options: Options): Promise<number> {
  const data = textOption(options, "data") ?? "";
  const { restoreJournal } = await import("../../../internal/journal/restore-journal.ts");
  const { world } = context;
  const isDamageAccepted = flag(options, "acceptDamage");
  const done = await restoreJournal({
    file,
    dataDirectory: data,
    nowMs: world.clock.nowMs(),
    nonce: world.newRequestId(),
    isDamageAccepted,
  });
  const open = done.open.map(({ status }) => ({ id: status.id, name: status.name, namespace: status.namespace, key: status.key }));
  const { batches, events, damage } = done.report;
  const facts = { file, data, restore: done.restore, batches, events, damage: damage.length, ...done.backup, open };
  await print(context, facts, [`restored ${file} to ${data}: ${whatIsIn(done.backup)}`, ...places(done.backup), ...openLines(done)]);
  for (const line of restoreNotes(done, data)) context.out.talk(line);
  return EXIT_DONE;
}

async function check(bytes: AsyncIterable<Uint8Array>, name: string): Promise<BackupFacts> {
  const { readBackup } = await import("../../../internal/journal/backup-reader.ts");
  return readBackup(bytes, { name, onRows: () => Promise.resolve() });
}

async function print(context: Context, facts: BackupFacts & JsonObject, lines: readonly string[]): Promise<void> {
  if (context.out.isJson) context.out.json({ ...facts, takenAt: instant(facts.takenMs) });
  else for (const line of lines) context.out.line(line);
  await context.out.stdout.drained();
}

function whatIsIn({ bytes, rows, workflows, openWorkflows }: BackupFacts): string {
  return `${bytes} bytes, ${rows} rows, ${workflows} workflows (${openWorkflows} open)`;
}

function places({ batch, head, takenMs, store }: BackupFacts): readonly string[] {
  return [`taken ${instant(takenMs)} at batch ${batch}`, `head ${head === "" ? "none" : head}`, `store ${store === "" ? "none" : store}`];
}

function openLines({ open, backup: { openWorkflows } }: RestoreFacts): readonly string[] {
  const shown = open
    .slice(0, OPEN_SHOWN_MAX)
    .map(({ status }) => `open ${status.id} ${status.name}${status.namespace === "default" ? "" : ` in ${status.namespace}`}`);
  return openWorkflows > shown.length ? [...shown, `and ${openWorkflows - shown.length} more open workflows`] : shown;
}

function restoreNotes({ backup: { batch, openWorkflows }, report, acknowledged }: RestoreFacts, data: string): readonly string[] {
  const lost =
    acknowledged === undefined || acknowledged <= batch
      ? []
      : [`the journal that was in ${data} had acknowledged batch ${acknowledged}: what came after batch ${batch} is not in this one`];
  const damaged =
    report.damage.length === 0 ? [] : [`it is damaged in ${report.damage.length} places: "holdfast journal verify --data ${data}"`];
  return [
    ...lost,
    ...damaged,
    `make sure that the service it comes from is ended for good, then start holdfastd --data ${data}: it begins frozen, changes nothing, and looks`,
    `then: "holdfast freeze --status" and "holdfast list"${openWorkflows === 0 ? "" : ', "holdfast tasks ID" for each open workflow'}, and "holdfast thaw" with the freeze's ID once you have looked`,
    "tokens are not in a backup: put tokens.json back beside the journal, or make them anew",
    "put seal.key back too, where work under way has handed out completion tokens",
  ];
}

function damageNote({ damagedRows }: BackupFacts): string {
  return `${damagedRows} rows were damaged in the journal already when it was taken: see "holdfast journal verify" at the service`;
}

function instant(atMs: number): string {
  return String(toJson(TimestampSchema, timestampFromMs(atMs)));
}
