// The guard's clock, worked out again from the machine's clocks: the monotonic one within a boot, the wall clock over a reboot, never backward.
// 1. Every time that the guard wrote down must be that of the moment at which it was appended.

import type { GuardEvent } from "../../internal/gen/holdfast/journal/v1/journal_pb.ts";
import type { Stamp } from "./checker.ts";
import { must } from "./violation.ts";

/** The clock. */
export class GuardClock {
  #lastMs = 0;
  #anchor: { readonly atMs: number; readonly boot: string; readonly monotonicMs: number; readonly wallMs: number } | undefined;

  /** What the guard's clock shows. */
  nowMs({ boot, monotonicMs, wallMs }: Stamp): number {
    const anchor = this.#anchor;
    if (anchor === undefined) return wallMs;
    if (anchor.boot === boot) return Math.max(this.#lastMs, anchor.atMs + Math.floor(monotonicMs - anchor.monotonicMs));
    const lastWallMs = anchor.wallMs + (this.#lastMs - anchor.atMs);
    return this.#lastMs + Math.max(0, wallMs - lastWallMs);
  }

  /** Takes in what the guard wrote; throws when it wrote another time. */
  take(event: GuardEvent, stamp: Stamp): void {
    const nowMs = this.nowMs(stamp);
    must(Number(event.atMs) === nowMs, "guard clock", () => `${event.kind.case} is at ${event.atMs}, the clock says ${nowMs}`);
    this.#lastMs = nowMs;
    if (event.kind.case !== "clockAnchored") return;
    const { bootId, monotonicMs, wallMs } = event.kind.value;
    this.#anchor = { atMs: nowMs, boot: bootId, monotonicMs, wallMs: Number(wallMs) };
  }
}
