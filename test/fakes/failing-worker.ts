// A worker thread that fails at its first question, and in its next life is as it should be: a file remembers that it failed.
// 1. What a test says is in the text of the thread's module: a thread has nothing else of its own before it starts.

/** How the thread fails. */
interface Failure {
  readonly how: "exit" | "hang";
  /** The file that is there once it failed; undefined: it fails each time. */
  readonly once: string | undefined;
}

const ENTRY = new URL("../../cmd/holdfastd/judge-worker.ts", import.meta.url).href;

/** The entry of a thread that fails so. */
export function failingWorker({ how, once }: Failure): URL {
  const text = `
    import { existsSync, writeFileSync } from "node:fs";
    import { parentPort } from "node:worker_threads";
    const once = ${JSON.stringify(once ?? "")};
    parentPort.on("message", ({ kind }) => {
      if ((kind !== "judge" && kind !== "choose") || (once !== "" && existsSync(once))) return;
      if (once !== "") writeFileSync(once, "");
      ${how === "exit" ? "process.exit(7);" : "for (;;);"}
    });
    await import(${JSON.stringify(ENTRY)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}
