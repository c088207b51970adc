// What a sink is, as its file says it; parsed once (sink-file.ts), then trusted.
// 1. Every option has a value here; a secret is named, its value is read for each delivery.

import type { Program } from "../expr/program.ts";

/** Which events a sink wants. */
export interface SinkWhen {
  readonly kinds: ReadonlySet<string>;
  /** Patterns, with `*` for anything; empty: all. They are asked of events that are about a workflow. */
  readonly namespaces: readonly string[];
  readonly workflows: readonly string[];
  readonly filter: Program | undefined;
}

/** Where events go by HTTP. */
export interface Webhook {
  readonly kind: "webhook";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Headers whose values are secrets, by the secrets' names. */
  readonly secretHeaders: Readonly<Record<string, string>>;
  /** The name of the secret that signs; undefined: nothing is signed. */
  readonly secret: string | undefined;
  readonly timeoutMs: number;
}

/** A program that takes an event on its stdin. */
export interface SinkCommand {
  readonly kind: "command";
  readonly argv: readonly string[];
  readonly timeoutMs: number;
}

/** How long to wait between two tries. */
export interface RetryTerms {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** One sink. */
export interface Sink {
  readonly name: string;
  readonly when: SinkWhen;
  /** Where one begins that has no cursor yet. */
  readonly from: "now" | "start";
  readonly to: Webhook | SinkCommand;
  readonly retry: RetryTerms;
  /** The same as long as nothing of it is changed in the file. */
  readonly fingerprint: string;
}
