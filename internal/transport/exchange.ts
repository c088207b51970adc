// One call of the shim: starts the process that reaches it, waits for its "ready", gives it its orders, and reads its answer.
// 1. Nothing is started at the far end before the orders are sent: an exchange that is lost before has changed nothing, surely.
// 2. An abort abandons the exchange and never touches what it started: whoever wants that ended sends a `stop` of its own.
//    Only a `once` ends with its input, which is then closed, and its answer waited for.
// 3. No timer, listener or pipe of it keeps the process alive once it has resolved.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { CONNECTION_MESSAGE_BYTES_MAX, SHIM_READY_MS_MAX } from "../base/limits.ts";
import type { Clock } from "../engine/ports.ts";
import { ReplyParser } from "./reply.ts";
import type { Reply } from "./reply.ts";

/** The process that leads to a shim. */
export interface ShimCall {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
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

/** How a call went. `lost` and `aborted` say whether the orders had been sent: if not, nothing was started. */
export type Exchange =
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "lost"; readonly isSent: boolean; readonly message: string }
  | { readonly kind: "aborted"; readonly isSent: boolean };

/** What an exchange needs beside its call. */
export interface ExchangePorts {
  readonly clock: Clock;
  /** Called when the process is gone, which may be after the answer. */
  readonly onClose: () => void;
  readonly signal: AbortSignal;
  /** Asked immediately before the orders are sent; false: they are not, as if aborted. */
  readonly mayBegin?: (() => boolean) | undefined;
}

/** Makes one call of a shim; never rejects. */
export function exchange(call: ShimCall, { clock, onClose, signal, mayBegin = () => true }: ExchangePorts): Promise<Exchange> {
  if (signal.aborted) {
    onClose();
    return Promise.resolve({ kind: "aborted", isSent: false });
  }
  let isClosed = false;
  const close = (): void => {
    if (!isClosed) onClose();
    isClosed = true;
  };
  try {
    const child = spawn(call.file, call.args, { env: { ...call.env }, cwd: "/", detached: true, stdio: ["pipe", "pipe", "pipe"] });
    child.once("close", close);
    child.once("error", close); // A process that could not be made may never "close".
    return new Promise((resolve) => {
      new Conversation(call, { child, clock, signal, mayBegin, resolve }).begin();
    });
  } catch (error) {
    close();
    return Promise.resolve({ kind: "lost", isSent: false, message: error instanceof Error ? error.message : String(error) });
  }
}

/** The lifetime of one exchange. */
class Conversation {
  readonly #call: ShimCall;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #mayBegin: () => boolean;
  readonly #resolve: (result: Exchange) => void;
  readonly #parser: ReplyParser;
  #talk: Buffer = Buffer.alloc(0);
  #isSent = false;
  #isSettled = false;
  #isEnding = false;
  #cancelTimer: () => void = () => {};

  constructor(
    call: ShimCall,
    ports: {
      readonly child: ChildProcess;
      readonly clock: Clock;
      readonly signal: AbortSignal;
      readonly mayBegin: () => boolean;
      readonly resolve: (result: Exchange) => void;
    },
  ) {
    this.#call = call;
    this.#child = ports.child;
    this.#clock = ports.clock;
    this.#signal = ports.signal;
    this.#mayBegin = ports.mayBegin;
    this.#resolve = ports.resolve;
    this.#parser = new ReplyParser(call.outputBytesMax);
  }

  begin(): void {
    const { stdin, stdout, stderr } = this.#child;
    this.#limit(SHIM_READY_MS_MAX, `gave no sign of life for ${SHIM_READY_MS_MAX / 1_000} s`);
    this.#signal.addEventListener("abort", this.#onAbort);
    this.#child.once("error", (error) => this.#lose(error.message));
    this.#child.once("close", (status, signal) => this.#lose(`${this.#call.file} ended with ${signal ?? `status ${status}`}`));
    stdin?.on("error", () => undefined); // A broken pipe shows as the end of stdout.
    stdout?.on("error", () => undefined);
    stderr?.on("error", () => undefined);
    stdout?.on("data", (chunk: Buffer) => this.#hear(chunk));
    stderr?.on("data", (chunk: Buffer) => {
      this.#talk = Buffer.concat([this.#talk, chunk]).subarray(-CONNECTION_MESSAGE_BYTES_MAX);
    });
  }

  #hear(chunk: Buffer): void {
    const heard = this.#parser.push(chunk);
    if (heard === "noise")
      this.#lose("what answers is not the shim: does a login script of the user print, or is the login shell not Bourne-like?");
    if (this.#parser.isReady && !this.#isSent && !this.#isSettled) this.#send();
    if (this.#parser.reply !== undefined) this.#settle({ kind: "reply", reply: this.#parser.reply });
  }

  #send(): void {
    if (!this.#mayBegin()) return this.#settle({ kind: "aborted", isSent: false });
    this.#isSent = true;
    this.#limit(this.#call.answerMs, "gave no answer in time");
    if (this.#call.endsWithInput) this.#child.stdin?.write(this.#call.orders);
    else this.#child.stdin?.end(this.#call.orders);
  }

  readonly #onAbort = (): void => {
    if (!this.#isSent || !this.#call.endsWithInput) {
      this.#settle({ kind: "aborted", isSent: this.#isSent });
      return;
    }
    this.#isEnding = true;
    this.#limit(this.#call.endMs, "did not say that the command has ended");
    this.#child.stdin?.end();
  };

  #limit(delayMs: number, message: string): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#lose(message));
  }

  #lose(message: string): void {
    const talk = this.#talk.toString("utf8").trim();
    if (this.#isEnding) this.#settle({ kind: "aborted", isSent: true });
    else this.#settle({ kind: "lost", isSent: this.#isSent, message: talk === "" ? message : talk });
  }

  #settle(result: Exchange): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#cancelTimer();
    this.#signal.removeEventListener("abort", this.#onAbort);
    const { stdin, stdout, stderr } = this.#child;
    stdin?.end();
    if (result.kind !== "reply") {
      if (this.#call.isKilledWhenAbandoned || !this.#isSent) this.#child.kill("SIGKILL");
      stdin?.destroy();
    }
    stdout?.destroy();
    stderr?.destroy();
    this.#child.unref();
    this.#resolve(result);
  }
}
