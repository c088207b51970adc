// One try at a delivery, whatever leads to the other side.
// 1. Only what the other side says itself (2xx, exit 0) is `taken`; all else, silence too, is not, and is tried again.

import type { Secrets, Clock } from "../engine/ports.ts";

/** What is delivered. */
export interface Parcel {
  readonly sink: string;
  /** The event's ID: the same for every try. */
  readonly id: string;
  /** One line of JSON, without its end. */
  readonly line: string;
}

/** How a try went. */
export type Delivered = { readonly kind: "taken" } | { readonly kind: "refused"; readonly reason: string };

/** What deliveries need. */
export interface DeliveryPorts {
  readonly clock: Clock;
  readonly secrets: Secrets;
  /** The service's environment; commands inherit PATH, HOME and LANG of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Signals a process group; nothing happens when it is gone. */
  readonly endGroup: (pid: number | undefined, signal: "SIGTERM" | "SIGKILL") => void;
}
