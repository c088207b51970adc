// What is kept beside the end of an attempt that the core itself ends: what its own work had left, and what came for it.
// 1. The output of an action that awaits a completion is `{ own, completion }`: what its own work put out, and what came from outside.

import { clone, create } from "@bufbuild/protobuf";
import type { JsonObject, JsonValue } from "../base/json.ts";
import type { AttemptDetail } from "../gen/holdfast/v1/status_pb.ts";
import { AttemptDetailSchema } from "../gen/holdfast/v1/status_pb.ts";
import { encodeDetail } from "./detail-codec.ts";
import { jsonToValue, valueToJson } from "./value-json.ts";

/** How an attempt ends. */
export interface DetailEnding {
  readonly error: string;
  readonly nowMs: number;
  readonly startedAtMs: number;
  readonly output?: JsonValue | undefined;
  /** Present: it is one that awaits a completion, and this came. */
  readonly completion?: { readonly data?: JsonObject };
}

/** The detail of the end; `begun` is what was noted when its own work ended. */
export function endDetail(
  of: { readonly task: number; readonly attempt: number; readonly begun: AttemptDetail | undefined },
  { error, nowMs, startedAtMs, output, completion }: DetailEnding,
): { readonly detail: AttemptDetail; readonly detailCrc: number } {
  const { task, attempt, begun } = of;
  const own = begun?.output === undefined ? undefined : valueToJson(begun.output);
  const shown = completion === undefined ? output : outputOf(own, completion.data);
  const detail = begun === undefined ? create(AttemptDetailSchema, { task, attempt }) : clone(AttemptDetailSchema, begun);
  detail.error = error;
  detail.startedAtMs = BigInt(startedAtMs);
  detail.endedAtMs = BigInt(nowMs);
  if (shown === undefined) delete detail.output;
  else detail.output = jsonToValue(shown);
  return { detail, detailCrc: encodeDetail(detail).crc };
}

function outputOf(own: JsonValue | undefined, completion: JsonObject | undefined): JsonObject | undefined {
  if (own === undefined && completion === undefined) return undefined;
  return { ...(own === undefined ? {} : { own }), ...(completion === undefined ? {} : { completion }) };
}
