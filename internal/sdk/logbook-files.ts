// The logbook's file operations on the real disk.
// 1. What is written is synced before the call returns: the file's content by writeSynced, its name by syncDirectory.

import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { HoldfastError } from "../base/errors.ts";
import type { LogbookFiles } from "./ports.ts";

/** The real disk. */
export const diskFiles: LogbookFiles = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },

  async writeSynced(path, text) {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(text, "utf8");
      await file.sync();
    } finally {
      await file.close();
    }
  },

  async rename(from, to) {
    await rename(from, to);
  },

  async syncDirectory(path) {
    const directory = await open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },

  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    }
  },

  async read(path, bytesMax) {
    let file;
    try {
      file = await open(path, "r");
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
    try {
      const { size } = await file.stat();
      if (size > bytesMax)
        throw new HoldfastError("RESOURCE_EXHAUSTED", `${path}: the file has ${size} bytes; at most ${bytesMax} are read`);
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  },

  async remove(path) {
    await rm(path, { force: true });
  },
};

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
