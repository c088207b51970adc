// The input at hand, in a file: it is written before the input is tried, so that neither an endless loop nor the end of the heap can hide it.
// It decodes what was written: how often it was written, the length of the input, and the input in UTF-8.
// 1. A file outlives the process that wrote it, also one that V8 aborts; nobody needs it after a power loss, so it is not synced.

import { closeSync, openSync, readSync, writeSync } from "node:fs";

/** What stands in the file; `input` is undefined between two inputs. */
export interface AtHand {
  /** Counts up twice for each input: when it begins and when it is done. */
  readonly count: number;
  readonly input: string | undefined;
}

const HEADER_BYTES = 8;
const INPUT_BYTES_MAX = 4 * 1024 * 1024;
const NONE = -1;

/** What a process calls before each input, and with undefined after it. */
export function atHandWriter(file: string): (input: string | undefined) => void {
  const handle = openSync(file, "w");
  const bytes = Buffer.alloc(HEADER_BYTES + INPUT_BYTES_MAX);
  let count = 0;
  return (input) => {
    const length = input === undefined ? NONE : bytes.write(input, HEADER_BYTES, "utf8");
    bytes.writeInt32LE(++count, 0);
    bytes.writeInt32LE(length, 4);
    writeSync(handle, bytes, 0, HEADER_BYTES + Math.max(length, 0), 0);
  };
}

/** Reads the file while its writer lives, and after it died; before the first input the count is 0. */
export class AtHandReader {
  readonly #handle: number;

  constructor(file: string) {
    this.#handle = openSync(file, "w+");
  }

  read(): AtHand {
    const header = Buffer.alloc(HEADER_BYTES);
    if (readSync(this.#handle, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return { count: 0, input: undefined };
    const [count, length] = [header.readInt32LE(0), header.readInt32LE(4)];
    if (length === NONE) return { count, input: undefined };
    const input = Buffer.alloc(length);
    readSync(this.#handle, input, 0, length, HEADER_BYTES);
    return { count, input: input.toString("utf8") };
  }

  close(): void {
    closeSync(this.#handle);
  }
}
