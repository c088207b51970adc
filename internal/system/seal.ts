// The key of a data directory: what the service must know again as its own is sealed with it (HMAC-SHA256).
// 1. The key itself is in no answer, journal or log; losing it makes the tokens of attempts under way worthless, and nothing else.

import { createHmac } from "node:crypto";
import type { Seal } from "../engine/ports.ts";

/** A seal with this key. */
export function makeSeal(key: Uint8Array): Seal {
  return { mac: (text) => createHmac("sha256", key).update(text).digest() };
}
