// A guard that keeps all events it was moved by, so that a test can replay them as a restart would.

import { applyGuardEvent, emptyGuard } from "../../internal/guard/guard.ts";
import type { GuardState } from "../../internal/guard/guard.ts";
import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";

/** A guard and its journal. */
export class GuardRun {
  guard: GuardState = emptyGuard();
  readonly events: GuardEvent[] = [];

  /** Applies events at once and keeps them; returns their kinds. */
  move(events: readonly GuardEvent[]): readonly string[] {
    for (const event of events) {
      applyGuardEvent(this.guard, event);
      this.events.push(event);
    }
    return events.map(({ kind }) => kind.case ?? "");
  }

  /** A guard as the journal alone makes it. */
  replayed(): GuardState {
    const guard = emptyGuard();
    for (const event of this.events) applyGuardEvent(guard, event);
    return guard;
  }

  /** Goes on as after a restart: nobody waits. */
  restart(): void {
    this.guard = this.replayed();
  }
}
