// A disk that fills up under the service's data directory, as really as this machine allows, and room made again.
// 1. With the right to mount: a tmpfs of its own, filled to the last byte by a file (ENOSPC). Without: a limit on the size of the service's
//    files, laid on the running process (EFBIG at the same write); the next life has none.

import { execFileSync } from "node:child_process";
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const TMPFS_BYTES = 24 * 1024 * 1024;
const CHUNK_BYTES = 4_096;

/** How a full disk is made here. */
export type DiskMeans = "tmpfs" | "file size limit";

/** Looks once whether this machine lets us mount. */
export function diskMeans(): DiskMeans {
  const directory = mkdtempSync(join(tmpdir(), "hf-mount-"));
  try {
    mount(directory);
    unmount(directory);
    return "tmpfs";
  } catch {
    return "file size limit";
  } finally {
    rmdirSync(directory);
  }
}

/** The disk of one service. */
export class FullDisk {
  fills = 0;
  readonly #dataDir: string;
  readonly #means: DiskMeans;
  #isMounted = false;

  constructor(dataDir: string, means: DiskMeans) {
    this.#dataDir = dataDir;
    this.#means = means;
  }

  /** Before the service's first start. */
  prepare(): void {
    if (this.#means !== "tmpfs") return;
    mkdirSync(this.#dataDir, { recursive: true, mode: 0o700 });
    mount(this.#dataDir);
    this.#isMounted = true;
  }

  /** From now on there is no room, but for `roomBytes`. */
  fill(options: { readonly pid: number; readonly roomBytes: number }): void {
    this.fills += 1;
    if (this.#means === "tmpfs") this.#pour(options.roomBytes);
    else limitFiles(options.pid, this.#longestBytes() + options.roomBytes);
  }

  /** There is room again. */
  makeRoom(): void {
    rmSync(this.#filler(), { force: true });
  }

  /** After the last end of the service. */
  remove(): void {
    if (this.#isMounted) unmount(this.#dataDir);
    this.#isMounted = false;
  }

  #pour(roomBytes: number): void {
    const file = openSync(this.#filler(), "w");
    try {
      for (;;) writeSync(file, Buffer.alloc(CHUNK_BYTES));
    } catch {
      // Full. Some bytes more may fit now and then: what LevelDB lets go of is taken by LevelDB.
      ftruncateSync(file, Math.max(0, fstatSync(file).size - roomBytes));
    } finally {
      closeSync(file);
    }
  }

  #filler(): string {
    return join(this.#dataDir, "filler");
  }

  /** The longest file of the journal: its log, or a table. */
  #longestBytes(): number {
    const journal = join(this.#dataDir, "journal");
    return Math.max(0, ...readdirSync(journal).map((name) => statSync(join(journal, name), { throwIfNoEntry: false })?.size ?? 0));
  }
}

function mount(directory: string): void {
  tool("mount", "-t", "tmpfs", "-o", `size=${TMPFS_BYTES},mode=700`, "tmpfs", directory);
}

function unmount(directory: string): void {
  tool("umount", "-l", directory);
}

function limitFiles(pid: number, bytes: number): void {
  try {
    tool("prlimit", "--pid", String(pid), `--fsize=${bytes}:`);
  } catch {
    // It is dead already.
  }
}

/** A program of util-linux; throws when it fails, or is not there. */
function tool(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: "ignore" });
}
