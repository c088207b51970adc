// What the event loop and the worker thread say to each other. Large things travel as transferred bytes, small ones as plain objects.
// 1. The loop decides what the worker holds, and under which key; the worker never forgets by itself.
// 2. One question is under way at a time, and each has exactly one answer.

import type { ErrorCode, ErrorDetail } from "../base/errors.ts";
import type { TimeMs } from "../base/ids.ts";
import type { JsonObject } from "../base/json.ts";
import type { GivenApproval, LedgerReading, Person } from "../engine/ports.ts";
import type { Gate } from "../gen/holdfast/v1/policy_pb.ts";
import type { GateAnswer } from "./gate-judge.ts";

/** Under which key the worker holds a thing. */
export type HeldKey = number;

/** Bytes that own their memory, so that they can be transferred. */
export type Bytes = Uint8Array<ArrayBuffer>;
export type Positions = Uint32Array<ArrayBuffer>;

/** Targets of a held list: by their positions, or all of them. */
export interface HeldTargets {
  readonly list: HeldKey;
  readonly positions: Positions | undefined;
}

/** What a workflow is asked by, versions by the keys under which they are held. */
export interface SetMessage {
  readonly isConfigured: boolean;
  readonly versions: readonly HeldKey[];
  readonly broken: readonly { readonly file: string; readonly fault: string; readonly lastGood: HeldKey | undefined }[];
  readonly pinned: readonly {
    readonly name: string;
    readonly digest: string;
    readonly reason: string;
    readonly policy: HeldKey | undefined;
  }[];
}

/** The fleet that expressions count: a held list, or why there is none. */
export type FleetMessage =
  | { readonly kind: "held"; readonly list: HeldKey }
  | { readonly kind: "broken"; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: "unasked" };

/** Judge a gate, with the counts of the ledger that are known so far. */
export interface JudgeMessage {
  readonly kind: "judge";
  readonly workflow: HeldKey;
  readonly set: SetMessage;
  readonly gate: Gate;
  readonly stage: number | undefined;
  readonly wave: number | undefined;
  readonly nowMs: TimeMs;
  readonly submitter: Person;
  readonly approvals: readonly GivenApproval[];
  /** Positions among the workflow's own targets, or another list; undefined: all of the workflow's own. */
  readonly targets: Positions | HeldTargets | undefined;
  readonly fleet: FleetMessage;
  readonly counts: readonly LedgerReading[];
  readonly exprCostMax: number;
  readonly gateCostMax: number;
}

/** Choose targets of a held list. */
export interface ChooseMessage {
  readonly kind: "choose";
  readonly list: HeldKey;
  /** A definition that holds the selector and the declared parameters. */
  readonly definition: Bytes;
  readonly params: JsonObject;
  readonly expected: readonly number[];
}

/** From the loop: things to hold or to forget, and questions. */
export type ToWorker =
  /** A part of a list of targets; the parts make the list in the order in which they come, before anything asks for it. */
  | { readonly kind: "list"; readonly key: HeldKey; readonly bytes: Bytes }
  /** A workflow without its targets, and which they are. */
  | { readonly kind: "workflow"; readonly key: HeldKey; readonly submitted: Bytes; readonly targets: HeldTargets }
  | { readonly kind: "policy"; readonly key: HeldKey; readonly file: string; readonly source: string }
  | { readonly kind: "forget"; readonly key: HeldKey }
  | JudgeMessage
  | ChooseMessage;

/** A count of the ledger that was asked for. */
export type LedgerQuestion = Pick<LedgerReading, "window" | "dimension">;

/** From the worker: the answer to the question. */
export type FromWorker =
  /** `asked` are counts that were not known: until they are, the answer means nothing. */
  | { readonly kind: "judged"; readonly answer: GateAnswer; readonly asked: readonly LedgerQuestion[] }
  | { readonly kind: "chosen"; readonly positions: Positions }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string; readonly details: readonly ErrorDetail[] };
