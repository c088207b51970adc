// The disk of a simulated client: the files of its logbook, which outlive the process that wrote them.
// 1. Each operation is one step: a process may die before its effect or after it. What was written and not synced may be gone with it.

import type { LogbookFiles } from "../../internal/sdk/ports.ts";
import type { Life } from "./life.ts";

/** The files. */
export class ClientDisk {
  readonly #files = new Map<string, string>();

  /** The operations as one process has them. */
  as(life: Life): LogbookFiles {
    const files = this.#files;
    const step = <T>(port: string, work: () => T): Promise<T> => life.ask(port, async () => work());
    return {
      makeDirectory: () => step("disk.makeDirectory", () => undefined),
      writeSynced: (path, text) => step("disk.writeSynced", () => void files.set(path, text)),
      rename: (from, to) =>
        step("disk.rename", () => {
          const text = files.get(from);
          if (text === undefined) throw new Error(`no file ${from}`);
          files.delete(from);
          files.set(to, text);
        }),
      syncDirectory: () => step("disk.syncDirectory", () => undefined),
      list: (path) =>
        step("disk.list", () => [...files.keys()].filter((name) => name.startsWith(`${path}/`)).map((name) => name.slice(path.length + 1))),
      read: (path) => step("disk.read", () => files.get(path)),
      remove: (path) => step("disk.remove", () => void files.delete(path)),
    };
  }
}
