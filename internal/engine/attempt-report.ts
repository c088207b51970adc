// Gathers what an attempt has to tell and makes its one report: outcome, checksums, error, and the detail that is kept beside the event.
// 1. Everything that came from outside is masked and bounded here, before it can get into the journal or a log.
// 2. An attempt with nothing to tell leaves no detail: a million no-op tasks cost their events alone (H9).

import { create } from "@bufbuild/protobuf";
import { assertNever } from "../base/assert.ts";
import type { JsonValue } from "../base/json.ts";
import type { TimeMs } from "../base/ids.ts";
import { ERROR_MESSAGE_LENGTH_MAX, OUTPUT_BYTES_MAX, OUTPUT_TAIL_BYTES_MAX } from "../base/limits.ts";
import { AttemptOutcome, DeferReason, FinishDecidedSchema, WorkflowOutcome } from "../gen/holdfast/v1/event_pb.ts";
import type { Awaited } from "../gen/holdfast/v1/event_pb.ts";
import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import type { AttemptReport } from "../workflow/commands.ts";
import { encodeDetail } from "../workflow/detail-codec.ts";
import { jsonToValue } from "../workflow/value-json.ts";
import { Masking } from "./masking.ts";
import type { ApplyResult, Clock, Failure } from "./ports.ts";

interface Ending {
  readonly before?: string;
  readonly after?: string;
  readonly output?: JsonValue;
}

interface Result {
  readonly output?: JsonValue;
  readonly outputTail?: string;
  readonly exitStatus?: number;
}

/** Hides nothing. */
const NO_MASKING = new Masking([]);

/** Makes the report of one attempt. */
export class Reporter {
  readonly #of: { readonly task: number; readonly attempt: number; readonly startedAtMs: TimeMs; readonly clock: Clock };
  #masking = NO_MASKING;
  #isHidden = false;
  #isUnsafe = false;
  #input: JsonValue | undefined;
  #diff = "";
  #result: Result = {};

  constructor(of: { readonly task: number; readonly attempt: number; readonly startedAtMs: TimeMs; readonly clock: Clock }) {
    this.#of = of;
  }

  /** From here on these secrets are hidden in everything; before, there are none. */
  mask(masking: Masking): void {
    this.#masking = masking;
  }

  /** The author declared the work sensitive: no diff, no input. */
  hide(): void {
    this.#isHidden = true;
  }

  /** What it may begin must not be repeated blindly. */
  noteUnsafe(): void {
    this.#isUnsafe = true;
  }

  /** The report of an attempt that a freeze kept from changing something, or from going on. */
  frozen(before: string): AttemptReport {
    const report = this.#report(AttemptOutcome.DEFERRED, { before }, { error: "", isRetryable: true });
    return { ...report, deferredFor: DeferReason.FROZEN };
  }

  /** Arguments as rendered, secrets masked already. */
  noteInput(input: JsonValue): void {
    this.#input = input;
  }

  noteDiff(diff: string): void {
    this.#diff = diff;
  }

  noteResult(result: Result): void {
    this.#result = result;
  }

  /** The report of an attempt that did not fail. */
  end(outcome: AttemptOutcome, ending: Ending): AttemptReport {
    if (ending.output !== undefined) this.#result = { ...this.#result, output: ending.output };
    const tooLarge = this.#oversize();
    if (tooLarge !== undefined) return this.#report(AttemptOutcome.FAILED, ending, { error: tooLarge, isRetryable: false });
    return this.#report(outcome, ending, { error: "", isRetryable: false });
  }

  /** The report of an attempt that does not end, but awaits something from now on. */
  awaits(awaited: Awaited): AttemptReport {
    return { ...this.#report(AttemptOutcome.UNCHANGED, {}, { error: "", isRetryable: false }), awaited };
  }

  /** The report of an attempt that finishes the workflow early. */
  finishes({ isSuccess, message, output }: Extract<ApplyResult, { kind: "finishes" }>): AttemptReport {
    const masked = this.#masking.text(message).slice(0, ERROR_MESSAGE_LENGTH_MAX);
    const finish = create(FinishDecidedSchema, {
      task: this.#of.task,
      outcome: isSuccess ? WorkflowOutcome.SUCCEEDED : WorkflowOutcome.FAILED,
      message: masked,
      ...(output === undefined ? {} : { output: jsonToValue(this.#masking.json(output)) }),
    });
    const report = isSuccess
      ? this.end(AttemptOutcome.UNCHANGED, {})
      : this.failed({ kind: "failed", message: masked === "" ? "it finished the workflow as failed" : masked, isRetryable: false }, {});
    return { ...report, finish };
  }

  /** The report of a failure. */
  failed(failure: Failure, ending: Ending): AttemptReport {
    if (failure.output !== undefined || failure.outputTail !== undefined || failure.exitStatus !== undefined) this.#result = failure;
    if (this.#oversize() !== undefined) this.#result = { ...this.#result, output: null };
    const error = this.#masking.text(failure.message).slice(0, ERROR_MESSAGE_LENGTH_MAX);
    const { isRetryable = true, isTimedOut = false } = failure;
    return { ...this.#report(failureOutcome(failure), ending, { error, isRetryable }), isTimedOut };
  }

  #oversize(): string | undefined {
    if (this.#result.output === undefined) return undefined;
    const bytes = Buffer.byteLength(JSON.stringify(this.#result.output));
    if (bytes <= OUTPUT_BYTES_MAX) return undefined;
    this.#result = { ...this.#result, output: null };
    return `its output has ${bytes} bytes as JSON, at most ${OUTPUT_BYTES_MAX} are kept; put out less`;
  }

  #report(outcome: AttemptOutcome, ending: Ending, failure: { readonly error: string; readonly isRetryable: boolean }): AttemptReport {
    const { task, attempt } = this.#of;
    const detail = this.#detail(ending, failure.error);
    const detailCrc = detail === undefined ? 0 : encodeDetail(detail).crc;
    const ended = { task, attempt, outcome, before: ending.before ?? "", after: ending.after ?? "" };
    return { ...ended, ...failure, detail, detailCrc, isUnsafe: this.#isUnsafe };
  }

  #detail({ before = "", after = "" }: Ending, error: string): AttemptDetail | undefined {
    const { output, outputTail = "", exitStatus } = this.#result;
    const diff = this.#isHidden ? "" : this.#masking.text(this.#diff);
    const input = this.#isHidden ? undefined : this.#input;
    if (output === undefined && input === undefined && exitStatus === undefined && `${outputTail}${diff}${error}` === "") return undefined;
    const { task, attempt, startedAtMs, clock } = this.#of;
    return create(AttemptDetailSchema, {
      task,
      attempt,
      outputTail: this.#masking.text(outputTail).slice(-OUTPUT_TAIL_BYTES_MAX),
      diff,
      error,
      before,
      after,
      startedAtMs: BigInt(startedAtMs),
      endedAtMs: BigInt(clock.nowMs()),
      ...(input === undefined ? {} : { input: jsonToValue(this.#masking.json(input)) }),
      ...(output === undefined ? {} : { output: jsonToValue(this.#masking.json(output)) }),
      ...(exitStatus === undefined ? {} : { exitStatus }),
    });
  }
}

function failureOutcome(failure: Failure): AttemptOutcome {
  switch (failure.kind) {
    case "failed":
      return AttemptOutcome.FAILED;
    case "unreachable":
      return AttemptOutcome.UNREACHABLE;
    case "unknown":
      return AttemptOutcome.UNKNOWN;
    case "cancelled":
    case "unbegun":
      return AttemptOutcome.CANCELLED;
    default:
      return assertNever(failure.kind);
  }
}
