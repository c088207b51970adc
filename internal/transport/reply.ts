// The parser of what the shim says on stdout: noise of login scripts, a greeting, and one answer with its output.
// 1. Only a whole answer counts: one that is cut off parses as nothing.
// 2. Bounded: noise before the greeting, the two lengths of an answer, and what follows it.

import { SHIM_GREETING_BYTES_MAX } from "../base/limits.ts";
import { SHIM_MAGIC } from "./shim.ts";

/** The shim's answer. */
export type Reply =
  | { readonly kind: "exited" | "timed-out"; readonly status: number; readonly stdout: Uint8Array; readonly stderr: Uint8Array }
  | { readonly kind: "cancelled" }
  /** No lock, no status: never begun, or begun and died. It is fenced off: it will not start any more. */
  | { readonly kind: "absent"; readonly hasBegun: boolean }
  /** A look settled this run as absent before; it may start only with this fence. */
  | { readonly kind: "voided"; readonly fence: number }
  /** This run had begun under the same fence and left no status. */
  | { readonly kind: "died" }
  /** The lock was not free in time; nothing was started. */
  | { readonly kind: "held" }
  /** The process group did not end after KILL. */
  | { readonly kind: "stuck" }
  | { readonly kind: "missing"; readonly tool: string }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "swept"; readonly count: number };

/** What became known with the latest bytes. */
export type Heard = "nothing" | "ready" | "reply" | "noise";

/** What a shim says when it waits for orders; `boot` is empty where the machine does not number its boots. */
const readyLine = (boot: string): string => `${[SHIM_MAGIC, "ready", ...(boot === "" ? [] : [boot])].join(" ")}\n`;

/** Parses a shim's stdout piece by piece. */
export class ReplyParser {
  readonly #outputBytesMax: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #isReady = false;
  #boot = "";
  #needed = 0;
  #reply: Reply | undefined;
  #isReadyAgain = false;

  constructor(outputBytesMax: number) {
    this.#outputBytesMax = outputBytesMax;
  }

  /** True once the shim has said that it waits for its orders. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Which boot of its machine the shim runs in, once it is ready; empty: nobody knows. */
  get boot(): string {
    return this.#boot;
  }

  /** The whole answer, once it is there. */
  get reply(): Reply | undefined {
    return this.#reply;
  }

  /** True once the shim has said, after its answer, that it waits for other orders. */
  get isReadyAgain(): boolean {
    return this.#isReadyAgain;
  }

  /** Takes more bytes. "noise": too much came that is not a shim's. */
  push(chunk: Buffer): Heard {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return "nothing";
    const text = Buffer.concat(this.#chunks);
    return this.#reply === undefined ? this.#parse(text) : this.#parseEnd(text);
  }

  #parse(text: Buffer): Heard {
    const start = startOfLine(text);
    const end = start < 0 ? -1 : text.indexOf("\n", start);
    if (end < 0) {
      this.#keep(text);
      return this.#length > SHIM_GREETING_BYTES_MAX ? "noise" : "nothing";
    }
    const words = text.toString("latin1", start, end).split(" ").slice(1);
    if (!this.#isReady && words[0] === "ready") {
      this.#isReady = true;
      this.#boot = words[1] ?? "";
      const rest = text.subarray(end + 1);
      this.#keep(rest);
      const heard = this.#parse(rest);
      return heard === "nothing" ? "ready" : heard;
    }
    return this.#parseAnswer(words, { text: text.subarray(start), bodyAt: end + 1 - start });
  }

  #parseAnswer(words: readonly string[], { text, bodyAt }: { readonly text: Buffer; readonly bodyAt: number }): Heard {
    const [stdoutLength, stderrLength] = [number(words[2]), number(words[3])];
    const hasOutput = words[0] === "exited" || words[0] === "timed-out";
    // Written so that what is no number is noise too.
    const isBounded = stdoutLength <= this.#outputBytesMax + 1 && stderrLength <= 2 * this.#outputBytesMax + 1;
    if (hasOutput && !isBounded) return "noise";
    if (hasOutput && text.length < bodyAt + stdoutLength + stderrLength) {
      this.#keep(text);
      this.#needed = bodyAt + stdoutLength + stderrLength;
      return "nothing";
    }
    const body = text.subarray(bodyAt);
    this.#reply = parseReply(words, {
      stdout: body.subarray(0, stdoutLength),
      stderr: body.subarray(stdoutLength, stdoutLength + stderrLength),
    });
    if (this.#reply === undefined) return "noise";
    const rest = hasOutput ? body.subarray(stdoutLength + stderrLength) : body;
    this.#needed = 0;
    this.#parseEnd(rest);
    return "reply";
  }

  /** The answer stands, whatever follows it: that the shim is ready again, or something else, of which only the beginning is kept. */
  #parseEnd(rest: Buffer): Heard {
    const ready = readyLine(this.#boot);
    this.#keep(rest.subarray(0, ready.length + 1));
    this.#isReadyAgain = rest.toString("latin1") === ready;
    return this.#isReadyAgain ? "ready" : "nothing";
  }

  #keep(rest: Buffer): void {
    this.#chunks = [rest];
    this.#length = rest.length;
  }
}

function parseReply(words: readonly string[], output: { readonly stdout: Buffer; readonly stderr: Buffer }): Reply | undefined {
  const [verb = "", word = ""] = words;
  switch (verb) {
    case "exited":
    case "timed-out":
      return Number.isNaN(number(word)) ? undefined : { kind: verb, status: number(word), stdout: output.stdout, stderr: output.stderr };
    case "cancelled":
    case "died":
    case "held":
    case "stuck":
      return { kind: verb };
    case "absent":
      return { kind: verb, hasBegun: word !== "never" };
    case "voided":
      return Number.isNaN(number(word)) ? undefined : { kind: verb, fence: number(word) };
    case "missing":
      return { kind: verb, tool: word };
    case "failed":
      return { kind: verb, message: words.slice(1).join(" ") };
    case "swept":
      return Number.isNaN(number(word)) ? undefined : { kind: verb, count: number(word) };
    default:
      return undefined;
  }
}

function number(word: string | undefined): number {
  return word !== undefined && /^[0-9]{1,15}$/.test(word) ? Number(word) : Number.NaN;
}

/** The offset of the first line that a shim wrote; -1 when there is none. */
function startOfLine(text: Buffer): number {
  for (let at = text.indexOf(SHIM_MAGIC); at >= 0; at = text.indexOf(SHIM_MAGIC, at + 1)) {
    if ((at === 0 || text[at - 1] === 0x0a) && text[at + SHIM_MAGIC.length] === 0x20) return at;
  }
  return -1;
}
