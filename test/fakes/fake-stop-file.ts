// The emergency stop's file without a file system: a test says what a look finds.

import type { StopFile, StopLook } from "../../internal/engine/ports.ts";

/** The file FREEZE as a test has it. */
export class FakeStopFile implements StopFile {
  readonly #callbacks = new Set<() => void>();
  #look: StopLook = { kind: "absent" };

  look(): StopLook {
    return this.#look;
  }

  /** From now on a look finds this. */
  set(look: StopLook): void {
    this.#look = look;
    for (const callback of Array.from(this.#callbacks)) callback();
  }

  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  }
}
