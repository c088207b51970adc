// Watches how long the event loop is held between two of its turns.
// 1. A hold is measured in time of this thread's processor, so that a busy machine does not look like a busy loop.

/** The bound is 50 ms (npm run bench shows it); cold, and beside other tests, a turn may cost thrice that. */
export const HELD_MS_MAX = 150;

/** The longest holds while it was watched. */
export interface LoopHolds {
  /** Milliseconds of the processor. */
  readonly longestMs: number;
  /** Turns of the loop that were seen. */
  readonly turns: number;
}

/** Watches from now on, until the returned function is called. */
export function watchLoop(): () => LoopHolds {
  let longestMs = 0;
  let turns = 0;
  let isOver = false;
  let lastMs = threadMs();
  const look = (): void => {
    const nowMs = threadMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    turns++;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  return () => {
    look();
    isOver = true;
    return { longestMs, turns };
  };
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
