// Looks at the emergency stop's file. Turns that are taken in one go of the event loop share a look: a look is a call of the kernel, and a busy
// service takes a hundred turns at once.
// 1. Nothing from outside comes between them: whoever made the file and then asks is heard in a later go, which looks again.
// 2. What is about to change something takes a look of its own (`now`), however late that is.

import type { StopFile, StopLook } from "./ports.ts";

/** The looks of one service. */
export class StopLooks {
  readonly #file: StopFile;
  #shared: StopLook | undefined;

  constructor(file: StopFile) {
    this.#file = file;
  }

  /** What a look finds; one serves all who ask before the next microtask of this one's making. */
  shared(): StopLook {
    if (this.#shared === undefined) queueMicrotask(() => (this.#shared = undefined));
    return (this.#shared ??= this.#file.look());
  }

  /** What a look of its own finds. */
  now(): StopLook {
    return this.#file.look();
  }
}
