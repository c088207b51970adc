// The first start on a journal that was brought back from a backup: everything is frozen, and everything unfinished is in doubt.
// 1. It comes before any workflow's first turn. Each open workflow is told in an event of its own; then, in one entry, the guard notes that all
//    are, and freezes everything. Killed in between, the next start tells those that were not told, and freezes: once (H4, H7).
// 2. The freeze is one of its own, beside those that the backup holds: a person who has looked lifts it.

import { create, toJson } from "@bufbuild/protobuf";
import { timestampFromMs, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { seq } from "../base/ids.ts";
import type { GuardEvent } from "../gen/holdfast/journal/v1/journal_pb.ts";
import { EventSchema } from "../gen/holdfast/v1/event_pb.ts";
import { freezeForRestore } from "../guard/freeze.ts";
import { guardEvent } from "../guard/guard-event.ts";
import type { GuardState } from "../guard/guard.ts";
import { applyEvent } from "../workflow/apply.ts";
import type { WorkflowState } from "../workflow/state.ts";
import type { EnginePorts, RestoreMark } from "./ports.ts";

/** What following up a restore needs of the engine. */
export interface RestoreHost {
  readonly ports: EnginePorts;
  readonly guard: GuardState;
  moveGuard(make: (nowMs: number) => readonly GuardEvent[]): Promise<void>;
}

/** Does what a restore asks for, unless it was done. Resolves when that is on disk; `states` are those of all open workflows that can be read. */
export async function followUpRestore(host: RestoreHost, states: readonly WorkflowState[]): Promise<void> {
  const { ports, guard } = host;
  const mark = ports.journal.restoreMark();
  if (mark === undefined || guard.restore === mark.restore) return;
  await Promise.all(states.filter(({ restored }) => restored?.restore !== mark.restore).map((state) => tell(host, state, mark)));
  // crash: test/crash/backup.test.ts
  await host.moveGuard((nowMs) => [
    guardEvent(nowMs, { case: "storeRestored", value: { restore: mark.restore } }),
    freezeForRestore(guard, freezeReason(mark), nowMs),
  ]);
}

/** A moment as people and machines read it: `2026-01-31T23:59:59.123Z`. */
export function instantText(atMs: number): string {
  return String(toJson(TimestampSchema, timestampFromMs(atMs)));
}

function tell({ ports, guard }: RestoreHost, state: WorkflowState, mark: RestoreMark): Promise<void> {
  const value = { restore: mark.restore, backupMs: BigInt(mark.backupMs) };
  const event = create(EventSchema, { kind: { case: "workflowRestored", value } });
  const timeMs = ports.clock.nowMs();
  const firstSeq = seq(state.seq + 1);
  applyEvent(state, event, timeMs);
  const nothing = { guardEvents: [], guardFirstSeq: seq(guard.seq + 1), details: [] };
  return ports.journal.append({ id: state.blueprint.id, firstSeq, events: [event], timeMs, ...nothing });
}

function freezeReason({ backupMs, batch, head }: RestoreMark): string {
  const from = `restored from the backup of ${instantText(backupMs)} (batch ${batch}, head ${head === "" ? "none" : head.slice(0, 16)})`;
  return `${from}; what was done after it is not in this journal: end the service it came from, look at the open workflows, then thaw`;
}
