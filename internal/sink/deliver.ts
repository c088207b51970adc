// One try at a delivery, by whatever leads to the other side.
// 1. What the world does is a value; only a bug is thrown.

import { assertNever } from "../base/assert.ts";
import { feed } from "./command.ts";
import type { Delivered, DeliveryPorts, Parcel } from "./parcel.ts";
import type { Sink } from "./sink.ts";
import { post } from "./webhook.ts";

/** Delivers a parcel where a sink's events go, once; never rejects for what the world does. */
export function deliver(to: Sink["to"], parcel: Parcel, ports: DeliveryPorts, signal: AbortSignal): Promise<Delivered> {
  switch (to.kind) {
    case "webhook":
      return post(to, parcel, ports, signal);
    case "command":
      return feed(to, parcel, ports, signal);
    default:
      return assertNever(to);
  }
}
