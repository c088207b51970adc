// The seams of the engine, on one page: everything that touches disk, network, clock, processes or chance stands behind one of these.
// 1. Adapters implement them and never import each other; the engine never knows which adapter it got.
// 2. Each port has a contract suite in test/contract/, run by the real adapter and by the fake.
// 3. No port is called inside a turn but the synchronous ones: Clock.nowMs, Ids and Journal's reads of what was appended.

import type { JsonObject, JsonValue } from "../base/json.ts";
import type { ExprScope } from "../expr/workflow-types.ts";
import type { Awaited, Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { SinkInfo } from "../gen/holdfast/v1/sink_service_pb.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import type { ErrorDetail } from "../base/errors.ts";
import type { TimeMs, WorkflowId } from "../base/ids.ts";
import type { Journal } from "./journal-port.ts";
import type { Policies, TargetChooser } from "./policy-port.ts";

export type * from "./feed-port.ts";
export type * from "./journal-port.ts";
export type * from "./policy-port.ts";

/** Time, as an input. */
export interface Clock {
  nowMs(): TimeMs;
  /** Never steps; goes on through restarts of the process within one boot of the machine. */
  monotonicMs(): number;
  /** Identifies the boot of the machine; empty: unknown, and then no monotonic time of a former process compares. */
  bootId(): string;
  /** Calls back once after `delayMs` (beyond 2^31 ms too), unless cancelled. Returns the cancel. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Chance, as an input. */
export interface Ids {
  /** A new UUIDv7, above all that this process made before. */
  workflowId(nowMs: TimeMs): WorkflowId;
  /** Uniform in [0, 1): for jitter. What comes of it is journaled. */
  fraction(): number;
}

/** How much room the store's disk has. */
export interface Disk {
  freeBytes(): Promise<number>;
}

/** What the emergency stop's file says: whoever can `touch` it can stop everything. */
export type StopLook =
  | { readonly kind: "absent" }
  | { readonly kind: "present"; readonly path: string }
  /** It cannot be examined: taken for present (H8). */
  | { readonly kind: "unreadable"; readonly path: string; readonly reason: string };

/** The file FREEZE in the service's data directory. */
export interface StopFile {
  look(): StopLook;
  /** Calls back when a later look would find something else; returns the end of it. */
  onChange(callback: () => void): () => void;
}

/** The targets that exist, with labels and connections, re-read when their sources change. */
export interface Inventory {
  /** The last good reading, sorted by name, names unique. Throws FAILED_PRECONDITION when there never was one. */
  targets(): readonly Target[];
}

/** Values of `secret('name')`; resolved at dispatch only. Throws NOT_FOUND, naming the secret and where it was looked for. */
export interface Secrets {
  value(name: string): string;
}

/** A key of the data directory, for what this service must know again as its own; the key itself is nobody's. */
export interface Seal {
  /**
   * Called once in a life, when the journal has been read and before anything is sealed: a key that is not there yet is made, for good. Throws
   * FAILED_PRECONDITION, and makes none, where it is gone though these open workflows handed out what it sealed.
   */
  open(handedOut: readonly WorkflowId[]): void;
  /** HMAC-SHA256 of the text: 32 bytes, the same in every life of the service. */
  mac(text: string): Uint8Array;
}

/** Paces outgoing traffic per host or origin. No guarantee rests on it. */
export interface Pace {
  /** Runs `work` when the origin has room; rejects with CANCELLED when the signal aborts before it began. */
  run<T>(origin: string, work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** A command for a target, local or remote. */
export interface HostCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absent: the connection's root, or the user's home. */
  readonly cwd?: string;
  readonly stdin?: Uint8Array;
  /**
   * Present: status and output are kept at the target under this reference, so that the run can be settled by looking after a crash: for
   * everything that may change something. Absent: read-only; it has a process group and a timeout too, but is lost with the connection.
   */
  readonly run?: RunRef;
  readonly timeoutMs: number;
  /** The longest that it may print nothing; then it is ended as at its timeout, which the target itself sees to. Absent: no bound. */
  readonly heartbeatMs?: number;
  readonly outputBytesMax: number;
  readonly signal: AbortSignal;
  /** Asked when its turn has come, immediately before it leaves: false means `unbegun`. Absent: it may. */
  readonly mayBegin?: () => boolean;
}

/** Names one run of a command at its target: the shim locks the task (no two runs of it overlap), and keeps the status of each run. */
export interface RunRef {
  readonly taskKey: string;
  readonly attempt: number;
}

/** How a command at a target ended. Only `exited` says what the command itself said. */
export type HostResult =
  | {
      readonly kind: "exited";
      /** 0–255; 128 + n after signal n. */
      readonly status: number;
      readonly stdout: Uint8Array;
      readonly stderr: Uint8Array;
      /** True when output beyond the bound was dropped (the end is kept of stderr, the beginning of stdout). */
      readonly isTruncated: boolean;
    }
  /** The whole process group was ended at its timeout, and it is known that it ended. */
  | { readonly kind: "timed-out"; readonly stdout: Uint8Array; readonly stderr: Uint8Array; readonly silence?: Silence }
  /** The whole process group was ended because the signal aborted, and it is known that it ended. */
  | { readonly kind: "cancelled" }
  /** The signal aborted, or `mayBegin` said no, before anything was sent: nothing was started, and nothing will be. */
  | { readonly kind: "unbegun" }
  /** The target could not be reached, or cannot run commands; nothing was started. */
  | { readonly kind: "unreachable"; readonly message: string }
  /** It was, or may have been, started, and nobody can say how it ended. */
  | { readonly kind: "unknown"; readonly message: string };

/** It was ended because it printed nothing for its `heartbeatMs`. */
export interface Silence {
  /** How long after its start it was last heard, in whole seconds; undefined: never. */
  readonly heardAfterS: number | undefined;
}

/** What the shim's files at the target say of a run. `absent`: no lock held and no status: never started, or died with its machine. */
export type HostLook = HostResult | { readonly kind: "absent" };

/** Runs commands at targets. */
export interface Transport {
  run(target: Target, command: HostCommand): Promise<HostResult>;
  /** Settles a run of a former life: waits while its lock is held (until the timeout or the abort, then ends it), else reads its status. */
  look(target: Target, command: Pick<HostCommand, "timeoutMs" | "outputBytesMax" | "signal"> & { readonly run: RunRef }): Promise<HostLook>;
}

/** The catalogue of actions: built-in ones and the service's own. */
export interface Actions {
  /** Undefined: no such action; `names()` helps with "did you mean". */
  find(uses: string): Action | undefined;
  names(): readonly string[];
}

/** What an action's arguments are checked against. */
export interface ValidateContext {
  readonly place: string;
  readonly names: readonly string[];
  /** The types of the names, and the functions there are; without it all that the names hold is dyn. */
  readonly types?: ExprScope;
}

/** One kind of action. The runner (engine/attempt.ts), not the action, keeps the promises. */
export interface Action {
  readonly uses: string;
  /** The effects when the arguments promise nothing else. */
  readonly effects: Effects;
  /** SHA-256 of its definition file for actions of the service's own, else empty. */
  readonly digest: string;
  /** True: its work gives signs of life while it goes on, so that `heartbeat` may be asked of it. Default: false. */
  readonly hasPulse?: boolean;
  /**
   * Checks arguments as written, before any `${{ }}` in them has a value: a string that holds one passes as any type. Returns all faults;
   * `names` are the declared root names for arguments that are themselves CEL, such as assert's `that`, `types` what they are.
   */
  validate(raw: JsonObject, context: ValidateContext): readonly ErrorDetail[];
  /** Parses rendered arguments; throws HoldfastError INVALID_ARGUMENT naming the argument. */
  parse(raw: JsonObject): PreparedAction;
}

/** An action with its arguments. */
export interface PreparedAction {
  /** After looking at the arguments: a command with `effects: none` is NONE, one with guards IDEMPOTENT, else UNSAFE. */
  readonly effects: Effects;
  /** True when apply happens whole or not at all: then, after doubt, a state that is neither before nor wanted is a foreign change. */
  readonly isAtomic: boolean;
  /** Hides diff and arguments from people. */
  readonly isSensitive: boolean;
  /** Looks, changes nothing. Not called for effects NONE. */
  check(context: AttemptContext): Promise<CheckResult>;
  /** Does the work. For effects NONE this is the whole attempt. */
  apply(context: AttemptContext, before: string): Promise<ApplyResult>;
  /** After doubt: what became of the apply that was under way? Absent: nothing but the check can tell. */
  look?(context: AttemptContext): Promise<ApplyResult | { readonly kind: "absent" }>;
  /** First half of a handshake with another service; its ID is on disk before `apply` (which commits) runs with `context.remoteId`. */
  prepare?(context: AttemptContext): Promise<{ readonly kind: "prepared"; readonly remoteId: string } | Failure>;
}

/** What an action gets to know of the attempt. */
export interface AttemptContext {
  readonly workflowId: WorkflowId;
  readonly target: Target | undefined;
  /** The idempotency key: the same for every attempt of a task, on the wire as `HOLDFAST_TASK_KEY`. Safe as a file name. */
  readonly taskKey: string;
  readonly attempt: number;
  /** When the attempt began, by the journal: waits are measured from it, so that a restart does not begin them anew. */
  readonly startedAtMs: TimeMs;
  /** What is left of the attempt's time when the call is made. */
  readonly timeoutMs: number;
  /** The longest that the work may go on without a sign of life; Infinity: no bound, as for all that only looks. */
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
  /** The ID that the other side of a handshake gave; empty before. */
  readonly remoteId: string;
  /** Asked once more when work had to wait for its turn, immediately before it begins: false when a freeze came meanwhile; then it is `unbegun`. */
  readonly mayBegin: () => boolean;
  /** Values of root names for arguments that are CEL. */
  readonly scope: (name: string) => unknown;
}

/** What a check found. Checksums are hex SHA-256, or any short text that is the same exactly when the state is the same. */
export type CheckResult =
  | { readonly kind: "converged"; readonly checksum: string; readonly output?: JsonValue }
  | { readonly kind: "different"; readonly checksum: string; readonly diff: string }
  /** There is no way to look. In doubt, an idempotent action is then applied again, and an unsafe one is held for a person. */
  | { readonly kind: "unknowable" }
  | Failure;

/** What an apply did. */
export type ApplyResult =
  /** Only from what reads: nothing more is to be done here, and what comes ends the attempt. Nothing of it runs meanwhile. */
  | { readonly kind: "awaits"; readonly awaited: Awaited }
  /** Only from what reads: the workflow is finished early. */
  | { readonly kind: "finishes"; readonly isSuccess: boolean; readonly message: string; readonly output?: JsonValue }
  | {
      readonly kind: "applied";
      readonly output?: JsonValue;
      /** What it printed, for people; bounded by the runner. */
      readonly outputTail?: string;
      readonly exitStatus?: number;
      /** Only from unsafe actions that can tell: false when nothing was changed after all. Default true. */
      readonly isChanged?: boolean;
    }
  | Failure;

/** An action's failure is a value. `unbegun`: cancelled, or not let go by `mayBegin`, before anything was sent. */
export interface Failure {
  readonly kind: "failed" | "unreachable" | "unknown" | "cancelled" | "unbegun";
  /** Which thing, what was found, what to do next; masked by the runner. */
  readonly message: string;
  /** False: trying again cannot help (wrong arguments, a refused path). Default true. */
  readonly isRetryable?: boolean;
  /** True: the attempt's time was over before it ended. Default false. */
  readonly isTimedOut?: boolean;
  readonly output?: JsonValue;
  readonly outputTail?: string;
  readonly exitStatus?: number;
}

/** Where events are delivered. No workflow waits for it. */
export interface Sinks {
  /** How far each sink is, by name; and what is wrong with their file. */
  list(): { readonly sinks: readonly SinkInfo[]; readonly fault: string };
  /** Delivers an event to try it out; why it was not taken, or empty. Throws NOT_FOUND. */
  test(name: string, signal: AbortSignal): Promise<string>;
}

/** Everything the engine is given by cmd/holdfastd, or by a test. */
export interface EnginePorts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly disk: Disk;
  readonly stopFile: StopFile;
  readonly policies: Policies;
  readonly chooser: TargetChooser;
  readonly inventory: Inventory;
  readonly secrets: Secrets;
  readonly seal: Seal;
  readonly actions: Actions;
  /** A bug was found: the process must end now, without another reply. */
  readonly onFatal: (error: unknown) => void;
}
