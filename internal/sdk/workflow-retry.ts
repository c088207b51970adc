// `retry` of a workflow file, and lengths of time within their bounds.
// 1. It parses: what comes out is within the bounds of the wire, or is a fault with its place.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { ATTEMPTS_MAX, BACKOFF_MS_MAX } from "../base/limits.ts";
import { RetryOn } from "../gen/holdfast/v1/workflow_pb.ts";
import type { RetrySchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileCursor } from "./file-cursor.ts";

const RETRY_FIELDS = ["attempts", "backoff", "backoff_max", "delay", "jitter", "on"] as const;

/** Reads a retry rule. */
export function readRetry(field: FileCursor): MessageInitShape<typeof RetrySchema> | undefined {
  const fields = field.fields(RETRY_FIELDS, "retry");
  if (fields === undefined) return undefined;
  const [backoff, backoffMax, delay] = (["backoff", "backoff_max", "delay"] as const).map((name) =>
    fields.read(name, (item) => duration(item, { msMax: BACKOFF_MS_MAX })),
  );
  if (fields.get("delay") !== undefined && fields.get("backoff") !== undefined)
    field.refuse("has both delay and backoff; write one of them");
  const jitter = fields.read("jitter", (item) => item.number({ min: 0, max: 1, isWhole: false }));
  const on = fields.read("on", readRetryOn);
  const attempts = fields.need("attempts", "say how many attempts there are in all, such as attempts: 3");
  return {
    attempts: attempts?.number({ min: 1, max: ATTEMPTS_MAX, isWhole: true }) ?? 0,
    ...(backoff === undefined ? {} : { backoff }),
    ...(backoffMax === undefined ? {} : { backoffMax }),
    ...(delay === undefined ? {} : { delay }),
    ...(jitter === undefined ? {} : { jitter }),
    ...(on === undefined ? {} : { on }),
  };
}

const RETRY_ON: ReadonlyMap<string, RetryOn> = new Map([
  ["failed", RetryOn.FAILED],
  ["unreachable", RetryOn.UNREACHABLE],
  ["timed_out", RetryOn.TIMED_OUT],
]);

/** Which ends of an attempt are tried again. */
function readRetryOn(field: FileCursor): RetryOn[] {
  const items = field.items("on (a list of outcomes)");
  if (Array.isArray(field.value) && items.length === 0) field.refuse("is an empty list; leave it out to try again after each of them");
  const seen = new Set<RetryOn>();
  for (const item of items) {
    const outcome = RETRY_ON.get(typeof item.value === "string" ? item.value : "");
    if (outcome === undefined) item.refuse(`must be one of ${[...RETRY_ON.keys()].join(", ")}`);
    else if (seen.has(outcome)) item.refuse("appears twice");
    else seen.add(outcome);
  }
  return [...seen];
}

/** A length of time within bounds. */
export function duration(field: FileCursor, bounds: { isPositive?: boolean; msMax?: number }): Duration | undefined {
  const ms = field.durationMs();
  if (ms === undefined) return undefined;
  if (bounds.isPositive === true && ms === 0) return field.refuse("must be longer than nothing");
  if (bounds.msMax !== undefined && ms > bounds.msMax) return field.refuse("must be at most 24h");
  return durationFromMs(ms);
}
