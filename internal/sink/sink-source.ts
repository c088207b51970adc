// The file of sinks, looked at again and again; one that did not change is not read twice.
// 1. It is read in one go between two looks at it, so that what is used is never half of two versions.

import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { HoldfastError, reasonCode } from "../base/errors.ts";
import { fileStamp } from "../base/file-stamp.ts";
import { SINKS_FILE_BYTES_MAX } from "../base/sink-limits.ts";

const READS_MAX = 3;

/** A file of sinks. */
export class SinkSource {
  /** As messages name it. */
  readonly name: string;
  readonly #path: string;
  #stamp = "";

  constructor(path: string) {
    this.#path = path;
    this.name = basename(path);
  }

  /** Its text. Throws INVALID_ARGUMENT when it cannot be read. */
  read(): string {
    for (let reads = 1; ; reads++) {
      const stamp = stampOf(this.#path);
      const text = readText(this.#path, this.name);
      if (stamp === stampOf(this.#path)) {
        this.#stamp = stamp;
        return text;
      }
      if (reads === READS_MAX) throw refuse(this.name, "changes while it is read; write a new file and rename it");
    }
  }

  /** Its text when it is another file than the last time; undefined: it is the same. */
  readChanged(): string | undefined {
    const stamp = stampOf(this.#path);
    if (stamp === this.#stamp) return undefined;
    this.#stamp = stamp; // also when it cannot be used: it is said once
    return this.read();
  }
}

function readText(path: string, name: string): string {
  try {
    if (statSync(path).size > SINKS_FILE_BYTES_MAX) throw refuse(name, `is larger than ${SINKS_FILE_BYTES_MAX} bytes`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    throw refuse(name, cause instanceof TypeError ? "is not UTF-8 text" : `cannot be read (${reasonCode(cause)})`);
  }
}

/** What changes whenever the file does. */
function stampOf(path: string): string {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? "none" : fileStamp(stat);
  } catch (cause) {
    return reasonCode(cause);
  }
}

function refuse(name: string, reason: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", `the file of sinks ${name} ${reason}`);
}
