// One call of the shim: by a new process or one that served before; waits for its "ready", gives it its orders, reads its answer.
// 1. Nothing starts at the far end before the orders are sent, and only who has just said "ready" gets them: lost before is unchanged, surely.
// 2. An abort abandons the exchange and never touches what it started: whoever wants that ended sends a `stop` of its own.
//    Only a `once` ends with its input, which is then closed, and its answer waited for.
// 3. Only a process that has answered and said "ready" again serves again; of any other no pipe, timer or listener outlives its exchange.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { CONNECTION_MESSAGE_BYTES_MAX, SHIM_READY_MS_MAX } from "../base/limits.ts";
import type { Clock } from "../engine/ports.ts";
import { ReplyParser } from "./reply.ts";
import type { Reply } from "./reply.ts";

/** The process that leads to a shim. */
export interface ShimCall {
  /** How it is started, asked for only when no idle one serves. */
  readonly process: () => { readonly file: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> };
  /** The bytes to send when the shim is ready. */
  readonly orders: Uint8Array;
  /** Whether closing the input ends the command (see `once`). */
  readonly endsWithInput: boolean;
  /** Whether the process itself is of no use once abandoned: an ssh client is, a local shim is not. */
  readonly isKilledWhenAbandoned: boolean;
  readonly outputBytesMax: number;
  /** How long the answer may take after the orders were sent. */
  readonly answerMs: number;
  /** How long a `once` may take to end its command after an abort. */
  readonly endMs: number;
}

/** A process that leads to a shim, and how many calls it served. */
export interface ShimProcess {
  readonly child: ChildProcess;
  readonly calls: number;
}

/** What an exchange needs beside its call. */
export interface ExchangePorts {
  readonly clock: Clock;
  /** Called when the process is gone or idle again, which may be after the answer. */
  readonly onClose: () => void;
  /** Takes the process for other calls, when the shim is ready again; without it the process ends. */
  readonly onIdle?: (process: ShimProcess) => void;
  readonly signal: AbortSignal;
  /** Asked immediately before the orders are sent; false: they are not, as if aborted. */
  readonly mayBegin?: (() => boolean) | undefined;
}

/**
 * How a call went. `lost` and `aborted` say whether the orders had been sent: if not, nothing was started. `boot` is that of the machine that was
 * spoken to; empty: nobody knows.
 */
export type Exchange =
  | { readonly kind: "reply"; readonly reply: Reply; readonly boot: string }
  | { readonly kind: "lost"; readonly isSent: boolean; readonly message: string; readonly boot: string }
  | { readonly kind: "aborted"; readonly isSent: boolean };

/** Makes one call of a shim, by an idle process if there is one; never rejects. */
export function exchange(call: ShimCall, ports: ExchangePorts, idle?: ShimProcess): Promise<Exchange> {
  if (ports.signal.aborted) {
    idle?.child.kill("SIGKILL");
    ports.onClose();
    return Promise.resolve({ kind: "aborted", isSent: false });
  }
  try {
    const process = idle ?? { child: start(call.process()), calls: 0 };
    return new Promise((resolve) => {
      new Conversation(call, { ...ports, process, resolve }).begin();
    });
  } catch (error) {
    ports.onClose();
    return Promise.resolve({ kind: "lost", isSent: false, message: error instanceof Error ? error.message : String(error), boot: "" });
  }
}

function start({ file, args, env }: ReturnType<ShimCall["process"]>): ChildProcess {
  return spawn(file, args, { env: { ...env }, cwd: "/", detached: true, stdio: "pipe" });
}

/** The lifetime of one exchange. */
class Conversation {
  readonly #call: ShimCall;
  readonly #process: ShimProcess;
  readonly #ports: ExchangePorts;
  readonly #resolve: (result: Exchange) => void;
  readonly #parser: ReplyParser;
  #talk: Buffer = Buffer.alloc(0);
  #isSent = false;
  #isSettled = false;
  #isEnding = false;
  #isOver = false;
  #cancelTimer: () => void = () => {};

  constructor(
    call: ShimCall,
    { process, resolve, ...ports }: ExchangePorts & { readonly process: ShimProcess; readonly resolve: (result: Exchange) => void },
  ) {
    this.#call = call;
    this.#process = process;
    this.#ports = ports;
    this.#resolve = resolve;
    this.#parser = new ReplyParser(call.outputBytesMax);
  }

  begin(): void {
    const { child, calls } = this.#process;
    const { stdin, stdout, stderr } = child;
    this.#limit(SHIM_READY_MS_MAX, `gave no sign of life for ${SHIM_READY_MS_MAX / 1_000} s`);
    this.#ports.signal.addEventListener("abort", this.#onAbort);
    child.on("error", this.#onError); // A process that could not be made may never "close".
    child.on("close", this.#onClose);
    stdout?.on("data", this.#hear);
    stderr?.on("data", this.#onTalk);
    if (calls > 0) {
      stdin?.write("\n"); // Is it still there? It answers as to a first call.
      return;
    }
    stdin?.on("error", () => undefined); // A broken pipe shows as the end of stdout.
    stdout?.on("error", () => undefined);
    stderr?.on("error", () => undefined);
  }

  readonly #onError = (error: Error): void => {
    this.#lose(error.message);
    this.#end();
  };

  readonly #onClose = (status: number | null, signal: NodeJS.Signals | null): void => {
    this.#lose(`${this.#process.child.spawnfile} ended with ${signal ?? `status ${status}`}`);
    this.#end();
  };

  readonly #onTalk = (chunk: Buffer): void => {
    this.#talk = Buffer.concat([this.#talk, chunk]).subarray(-CONNECTION_MESSAGE_BYTES_MAX);
  };

  readonly #hear = (chunk: Buffer): void => {
    const heard = this.#parser.push(chunk);
    if (heard === "noise")
      this.#lose("what answers is not the shim: does a login script of the user print, or is the login shell not Bourne-like?");
    if (this.#parser.isReady && !this.#isSent && !this.#isSettled) this.#send();
    const { reply, boot } = this.#parser;
    if (reply !== undefined) this.#settle({ kind: "reply", reply, boot });
    if (this.#parser.isReadyAgain && this.#mayServeAgain) this.#handOver();
  };

  #send(): void {
    if (this.#ports.mayBegin?.() === false) return this.#settle({ kind: "aborted", isSent: false });
    this.#isSent = true;
    this.#limit(this.#call.answerMs, "gave no answer in time");
    if (this.#call.endsWithInput || this.#mayServeAgain) this.#process.child.stdin?.write(this.#call.orders);
    else this.#process.child.stdin?.end(this.#call.orders);
  }

  readonly #onAbort = (): void => {
    if (!this.#isSent || !this.#call.endsWithInput) {
      this.#settle({ kind: "aborted", isSent: this.#isSent });
      return;
    }
    this.#isEnding = true;
    this.#limit(this.#call.endMs, "did not say that the command has ended");
    this.#process.child.stdin?.end();
  };

  /** Its input is still open, and somebody wants it. */
  get #mayServeAgain(): boolean {
    return this.#ports.onIdle !== undefined && !this.#isEnding;
  }

  #limit(delayMs: number, message: string): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#ports.clock.after(delayMs, () => this.#lose(message));
  }

  #lose(message: string): void {
    const talk = this.#talk.toString("utf8").trim();
    if (this.#isEnding) this.#settle({ kind: "aborted", isSent: true });
    else this.#settle({ kind: "lost", isSent: this.#isSent, message: talk === "" ? message : talk, boot: this.#parser.boot });
  }

  #settle(result: Exchange): void {
    if (this.#isSettled) {
      // It was answered, and has not become ready again.
      if (result.kind !== "reply") this.#abandon({ isKilled: this.#call.isKilledWhenAbandoned });
      return;
    }
    this.#isSettled = true;
    this.#cancelTimer();
    this.#ports.signal.removeEventListener("abort", this.#onAbort);
    if (result.kind === "reply" && this.#mayServeAgain) this.#limit(this.#call.endMs, "did not become ready again");
    else this.#abandon({ isKilled: result.kind !== "reply" && (this.#call.isKilledWhenAbandoned || !this.#isSent) });
    this.#resolve(result);
  }

  /** Closes the pipes: nobody listens any more. */
  #abandon({ isKilled }: { readonly isKilled: boolean }): void {
    const { child } = this.#process;
    this.#cancelTimer();
    child.stdin?.end();
    if (isKilled) child.kill("SIGKILL");
    if (isKilled || this.#parser.reply === undefined) child.stdin?.destroy();
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
  }

  /** Leaves the process to whoever calls next. */
  #handOver(): void {
    const { child, calls } = this.#process;
    this.#cancelTimer();
    child.off("error", this.#onError);
    child.off("close", this.#onClose);
    child.stdout?.off("data", this.#hear);
    child.stderr?.off("data", this.#onTalk);
    this.#ports.onIdle?.({ child, calls: calls + 1 });
    this.#end();
  }

  #end(): void {
    if (!this.#isOver) this.#ports.onClose();
    this.#isOver = true;
  }
}
