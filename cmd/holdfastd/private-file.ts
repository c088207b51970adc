// Small files in the data directory that other processes read: written whole or not at all, durable, and for the owner only.
// 1. A crash leaves the old content, the new content, or nothing; at worst a file `*.tmp` beside it that nobody reads.

import { randomUUID } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { HoldfastError } from "../../internal/base/errors.ts";

const MODE = 0o600;

/** Makes the directory, private when it is new; throws FAILED_PRECONDITION when it cannot be one. */
export function makeDataDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!statSync(path).isDirectory()) throw new Error("it is not a directory");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("FAILED_PRECONDITION", `the data directory ${path} cannot be used: ${reason}`, { cause });
  }
}

/** Puts a file in place, over one that is there. */
export function replaceFile(path: string, text: string): void {
  putInPlace(path, text, (temporary) => renameSync(temporary, path));
}

/** Puts a file in place; false, and nothing done, when one is there. */
export function createFile(path: string, text: string): boolean {
  let isCreated = true;
  putInPlace(path, text, (temporary) => {
    try {
      linkSync(temporary, path);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      isCreated = false;
    } finally {
      unlinkSync(temporary);
    }
  });
  return isCreated;
}

function putInPlace(path: string, text: string, place: (temporary: string) => void): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    writeSynced(temporary, text);
  } catch (cause) {
    rmSync(temporary, { force: true });
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw new HoldfastError(
      "FAILED_PRECONDITION",
      `${path} cannot be written (${code}), nothing has changed; look at its disk, then try again`,
      {
        cause,
      },
    );
  }
  place(temporary);
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function writeSynced(path: string, text: string): void {
  const fd = openSync(path, "wx", MODE);
  try {
    fchmodSync(fd, MODE);
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
