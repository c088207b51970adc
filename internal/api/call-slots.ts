// Room for calls: so many at a time, and an error beyond, so that a flood of calls costs a bounded amount of memory.
// 1. A slot is given back exactly once, whatever way its call ends.

import { HoldfastError } from "../base/errors.ts";

/** Room that a call takes; giving it back twice does nothing. */
export interface Slot {
  release(): void;
}

/** A bounded number of slots. */
export interface Slots {
  /** Throws RESOURCE_EXHAUSTED when all are taken. */
  take(): Slot;
}

/** `what` names in the error what there are too many of. */
export function createSlots(what: string, max: number): Slots {
  let taken = 0;
  return {
    take() {
      if (taken >= max) {
        throw new HoldfastError(
          "RESOURCE_EXHAUSTED",
          `${max} ${what} are in flight, which is the most this service takes; try again later`,
        );
      }
      taken++;
      let isHeld = true;
      return {
        release() {
          if (!isHeld) return;
          isHeld = false;
          taken--;
        },
      };
    },
  };
}
