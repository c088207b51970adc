// Runs tests in processes of their own, with or without a mutation: the parent's side of mutated-run.ts.
// 1. A process serves one run at a time. One whose time is over is ended with all that it started (it leads a group of its own), and the next
//    run gets a new one.

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { NamedTest, Patch } from "./mutant.ts";
import { ROOT } from "./mutation.ts";

/** What to run. */
export interface RunOrder {
  readonly files: readonly string[];
  /** Whole names of tests; undefined: all of the files. */
  readonly names: readonly string[] | undefined;
  readonly patches: readonly Patch[];
}

/** What became of one test. */
export interface TestReport extends NamedTest {
  readonly state: "passed" | "failed" | "skipped";
  readonly faults: readonly string[];
  readonly ms: number;
}

/** What became of a run. */
export interface RunReport {
  readonly tests: readonly TestReport[];
  /** Of modules that do not load, and errors outside of tests. */
  readonly faults: readonly string[];
}

const PROGRAM = fileURLToPath(new URL("./mutated-run.ts", import.meta.url));
const RUN_MS_MAX = 120_000;
const STDERR_KEPT = 4_000;

/** A process that runs tests, one order after the other. */
export class TestRunner {
  #child: ChildProcess | undefined;
  #stderr = "";

  /** Runs the tests with the order's patches made. */
  run(order: RunOrder): Promise<RunReport> {
    const child = (this.#child ??= this.#start());
    return new Promise((resolve) => {
      const settle = (report: RunReport): void => {
        clearTimeout(timer);
        child.removeAllListeners("message");
        child.removeAllListeners("exit");
        resolve(report);
      };
      const timer = setTimeout(() => {
        this.#end(child);
        settle({ tests: [], faults: [`the run took longer than ${RUN_MS_MAX} ms`] });
      }, RUN_MS_MAX);
      child.on("message", (report) => settle(report as RunReport));
      child.on("exit", () => {
        this.#child = undefined;
        settle({ tests: [], faults: [`the run ended without a report: ${this.#stderr}`] });
      });
      child.send(order);
    });
  }

  /** Ends the process. */
  close(): void {
    if (this.#child !== undefined) this.#end(this.#child);
  }

  #start(): ChildProcess {
    this.#stderr = "";
    const child = fork(PROGRAM, { cwd: ROOT, env: environment(), stdio: ["ignore", "ignore", "pipe", "ipc"], detached: true });
    child.stderr?.on("data", (chunk: Buffer) => (this.#stderr = (this.#stderr + chunk.toString("utf8")).slice(-STDERR_KEPT)));
    return child;
  }

  #end(child: ChildProcess): void {
    this.#child = undefined;
    child.removeAllListeners("exit");
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  }
}

/** A Vitest inside a Vitest must not take itself for a worker of the outer one. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|TINYPOOL|NODE_V8_COVERAGE|NODE_OPTIONS)/.test(name)));
}
