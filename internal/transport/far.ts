// What a local and an ssh target have in common for the life of a run: a place where the shim can be called.
// 1. `call` never rejects: what cannot be reached is an exchange that was lost before its orders were sent.

import type { Exchange } from "./exchange.ts";
import type { Orders } from "./orders.ts";

/** How a call is made. `control` calls (stop, sweep) never queue behind commands. */
export interface CallOptions {
  readonly isControl: boolean;
  readonly signal: AbortSignal;
  /** Asked immediately before the orders leave; false: they do not, as if aborted. Absent: they may. */
  readonly mayBegin?: (() => boolean) | undefined;
}

/** A place where the shim can be called. */
export interface Far {
  /** For messages: `target "db-01" (ssh 10.0.0.5)`. */
  readonly place: string;
  /** The same for all targets that share run directories: what is swept once. */
  readonly origin: string;
  readonly base: string;
  /** The working directory of commands that name none; empty: the home directory. */
  readonly cwd: string;
  /** Whether a lost call may find the way again. */
  readonly isRemote: boolean;
  /** Why commands cannot run here at all; undefined when they can. */
  refusal(): Promise<string | undefined>;
  call(orders: Orders, options: CallOptions): Promise<Exchange & { readonly isHopeless?: boolean }>;
}
