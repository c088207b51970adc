// A backup on the client's disk: written beside its place, synced, read back, and only then renamed to it.
// 1. FILE is there only when it is whole: a client, a service or a disk that ends in the middle leaves FILE.partial at worst, which lacks the
//    closing record. 2. It is for its owner alone: outputs of tasks are in it.

import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { HoldfastError } from "../../internal/base/errors.ts";
import { BACKUP_CHUNK_BYTES } from "../../internal/base/limits.ts";

const MODE = 0o600;

/** Writes a file from `source`, has `check` read it back, and puts it in place; whatever fails leaves nothing behind but what was there before. */
export async function writeBackupFile<Found>(
  path: string,
  source: AsyncIterable<Uint8Array>,
  check: (bytes: AsyncIterable<Uint8Array>) => Promise<Found>,
): Promise<Found> {
  const partial = `${path}.partial`;
  rmSync(partial, { force: true }); // of a client that was killed
  const fd = onDisk(path, () => openSync(partial, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, MODE));
  try {
    for await (const chunk of source) onDisk(path, () => writeAll(fd, chunk));
    onDisk(path, () => fsyncSync(fd));
    const found = await check(bytesOf(fd));
    onDisk(path, () => putInPlace(fd, { partial, path }));
    return found;
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The bytes of a file; throws NOT_FOUND when there is none. */
export async function* readBackupFile(path: string): AsyncGenerator<Uint8Array> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY);
  } catch (cause) {
    throw new HoldfastError("NOT_FOUND", `the backup ${path} cannot be read (${codeOf(cause)}); look at the path, its owner and mode`, {
      cause,
    });
  }
  try {
    yield* bytesOf(fd);
  } finally {
    closeSync(fd);
  }
}

async function* bytesOf(fd: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; ;) {
    const chunk = Buffer.allocUnsafe(BACKUP_CHUNK_BYTES);
    const count = readSync(fd, chunk, 0, chunk.length, at);
    if (count === 0) return;
    at += count;
    yield chunk.subarray(0, count);
  }
}

function writeAll(fd: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
}

/** Another client may have begun the same file anew: then what lies there is not what was checked. */
function putInPlace(fd: number, { partial, path }: { readonly partial: string; readonly path: string }): void {
  const [mine, there] = [fstatSync(fd), statSync(partial, { throwIfNoEntry: false })];
  if (there === undefined || mine.ino !== there.ino)
    throw new HoldfastError("ABORTED", `another backup to ${path} began meanwhile; give each its own file`);
  renameSync(partial, path);
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function onDisk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    const found = `${path} cannot be written (${codeOf(cause)}), and there is no backup there`;
    throw new HoldfastError("FAILED_PRECONDITION", `${found}; look at its directory and at the room on its disk, then take it again`, {
      cause,
    });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
