// A worker thread that fails at its first question, and in its next life is as it should be: a file remembers that it failed.
// 1. A thread knows its module's address only without a query: what a test says is in the text of a module of its own.

import { existsSync, writeFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { ToWorker } from "../../internal/policy/worker-message.ts";

/** How the thread fails. */
export interface Failure {
  readonly how: "exit" | "hang";
  /** The file that is there once it failed; undefined: it fails each time. */
  readonly once: string | undefined;
}

/** The entry of a thread that fails so. */
export function failingWorker(failure: Failure): URL {
  const self = JSON.stringify(import.meta.url);
  return new URL(`data:text/javascript,${encodeURIComponent(`import { work } from ${self}; await work(${JSON.stringify(failure)});`)}`);
}

/** Runs in the thread. */
export async function work({ how, once }: Failure): Promise<void> {
  parentPort?.on("message", ({ kind }: ToWorker) => {
    if ((kind !== "judge" && kind !== "choose") || (once !== undefined && existsSync(once))) return;
    if (once !== undefined) writeFileSync(once, "");
    if (how === "exit") process.exit(7);
    for (;;); // a thread that never comes back
  });
  await import("../../cmd/holdfastd/judge-worker.ts");
}
