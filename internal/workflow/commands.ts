// Everything that can be asked of a submitted workflow comes in as one of these: the one door to its state.
// 1. A command may come twice, late, or about something that is over: decide.ts says what that means.

import type { JsonObject } from "../base/json.ts";
import type { Gate, Verdict } from "../gen/holdfast/v1/policy_pb.ts";
import type { Said } from "./completion-box.ts";
import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";
import type { Again, AttemptOutcome, Awaited, DeferReason, FinishDecided, Resolution } from "../gen/holdfast/v1/event_pb.ts";

/** How an attempt ended, as its runner reports it. */
export interface AttemptReport {
  readonly task: number;
  readonly attempt: number;
  readonly outcome: AttemptOutcome;
  readonly before: string;
  readonly after: string;
  readonly error: string;
  /** False: trying again cannot help. */
  readonly isRetryable: boolean;
  /** True: its time was over before it ended. */
  readonly isTimedOut?: boolean;
  /** True: it did its work, which changes nothing. */
  readonly isRead?: boolean;
  /** True: what it may have begun must not be repeated blindly. */
  readonly isUnsafe?: boolean;
  /** Why a DEFERRED attempt was put off. */
  readonly deferredFor?: DeferReason;
  /** What is kept beside the event; absent: nothing worth keeping. */
  readonly detail: AttemptDetail | undefined;
  /** CRC32C of the detail's bytes; 0: no detail. */
  readonly detailCrc: number;
  /** Present: the attempt does not end; from now on it awaits this. */
  readonly awaited?: Awaited;
  /** Present: with its end the workflow is finished early. */
  readonly finish?: FinishDecided;
}

/** Something that is asked of a workflow. `by` names the principal. */
export type Command =
  | { readonly kind: "exec"; readonly by: string; readonly digest: string }
  | { readonly kind: "cancel"; readonly by: string; readonly reason: string }
  | { readonly kind: "pause"; readonly by: string; readonly reason: string }
  | { readonly kind: "unpause"; readonly by: string }
  | {
      readonly kind: "retry";
      readonly by: string;
      readonly reason: string;
      readonly digest: string;
      /** What had succeeded, and runs again too. */
      readonly again?: Again;
      /** The round that is to be opened; absent: the next one. */
      readonly round?: number;
    }
  | { readonly kind: "resolveTask"; readonly by: string; readonly task: number; readonly resolution: Resolution; readonly reason: string }
  /** An attempt found something to change and asks whether it may begin. */
  | { readonly kind: "startApply"; readonly task: number; readonly attempt: number; readonly before: string }
  /** The other side of a handshake gave an ID. */
  | { readonly kind: "recordPrepared"; readonly task: number; readonly attempt: number; readonly remoteId: string }
  | { readonly kind: "endAttempt"; readonly report: AttemptReport }
  /** Policies judged at a gate of the workflow. */
  | {
      readonly kind: "judge";
      readonly gate: Gate;
      readonly stage: number;
      readonly wave: number;
      readonly verdict: Verdict;
      /** Asked by the turn that takes the verdict: false when what was read has moved since; then it is judged again. */
      isFresh(): boolean;
    }
  | {
      readonly kind: "approve";
      readonly by: string;
      readonly roles: readonly string[];
      readonly digest: string;
      readonly reason: string;
    }
  /** Somebody sends a signal. */
  | { readonly kind: "signal"; readonly by: string; readonly name: string; readonly key: string; readonly data: JsonObject }
  /** Somebody outside says by the token of an attempt how its work came out. */
  | { readonly kind: "completion"; readonly said: Said }
  /** A person has done a task, or refuses it. */
  | {
      readonly kind: "complete";
      readonly by: string;
      readonly roles: readonly string[];
      readonly task: number;
      readonly data: JsonObject;
      readonly reason: string;
    }
  | { readonly kind: "fail"; readonly by: string; readonly roles: readonly string[]; readonly task: number; readonly reason: string }
  /** After a restart: mark what is in doubt. */
  | { readonly kind: "recover" }
  /** Time has passed, a lock or a limit came free, a freeze began or ended: look what follows by itself. */
  | { readonly kind: "wake" };
