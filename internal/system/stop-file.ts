// The emergency stop's file: DATA/FREEZE. A first responder with a shell, and nothing else, can `touch` it.
// 1. What cannot be examined is taken for present (H8). A dangling link is there too.
// 2. It is looked at for each turn, those of one moment together, and anew before each change; polling is only so that what stands still
//    hears of its going: also where it came and went between two polls, and a look in between found it.

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { STOP_FILE_POLL_MS } from "../base/limits.ts";
import type { Clock, StopFile, StopLook } from "../engine/ports.ts";

/** The file's name in the data directory. */
export const STOP_FILE = "FREEZE";

/** The stop file of a data directory; `close` ends the polling. */
export function openStopFile(directory: string, clock: Clock): StopFile & { close(): void } {
  const path = join(directory, STOP_FILE);
  const callbacks = new Set<() => void>();
  let last = lookAt(path);
  let wasOther = false; // a look since the last poll found another thing than that poll
  let cancel: () => void = () => undefined;
  const look = (): StopLook => {
    const found = lookAt(path);
    wasOther ||= !isSame(found, last);
    return found;
  };
  const poll = (): void => {
    last = look();
    const hasChanged = wasOther;
    wasOther = false;
    if (hasChanged) for (const callback of Array.from(callbacks)) callback();
    cancel = clock.after(STOP_FILE_POLL_MS, poll);
  };
  cancel = clock.after(STOP_FILE_POLL_MS, poll);
  return {
    look,
    onChange(callback) {
      callbacks.add(callback);
      return () => void callbacks.delete(callback);
    },
    close: () => cancel(),
  };
}

function lookAt(path: string): StopLook {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined ? { kind: "absent" } : { kind: "present", path };
  } catch (error) {
    return { kind: "unreadable", path, reason: error instanceof Error ? error.message : "it failed" };
  }
}

function isSame(one: StopLook, other: StopLook): boolean {
  return one.kind === other.kind && (one.kind !== "unreadable" || other.kind !== "unreadable" || one.reason === other.reason);
}
