// The note in the meta row of a journal that was brought back from a backup: its codec.
// 1. It stays for ever; whether what follows from it was done is in the guard's events.

import { create } from "@bufbuild/protobuf";
import { hash } from "node:crypto";
import { timeMs } from "../base/ids.ts";
import type { RestoreMark } from "../engine/ports.ts";
import type { Restored } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { RestoredSchema } from "../gen/holdfast/journal/v1/journal_pb.ts";
import type { BackupSummary } from "./backup-reader.ts";

/** The note as the engine reads it. */
export function restoreMark({ restore, backupMs, batch, head }: Restored): RestoreMark {
  return { restore, backupMs: timeMs(Number(backupMs)), batch: Number(batch), head: Buffer.from(head).toString("hex") };
}

/** The note of one restore; `nonce` makes the name of each another one, also of two at the same moment. */
export function newRestored(backup: BackupSummary, at: { readonly nowMs: number; readonly nonce: string }): Restored {
  const restore = hash("sha256", `${backup.sha256} ${at.nowMs} ${at.nonce}`, "hex");
  const head = Buffer.from(backup.head, "hex");
  return create(RestoredSchema, {
    restore,
    backupMs: BigInt(backup.takenMs),
    restoredMs: BigInt(at.nowMs),
    batch: BigInt(backup.batch),
    head,
  });
}
