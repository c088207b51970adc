// `rollout.rate` of a workflow file: `30/m`, `5/10m`, or `{ tokens: 30, period: 1m }`.
// 1. It parses: what comes out is within the bounds of the wire, or is a fault with its place.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { DURATION_FORM } from "../base/duration.ts";
import { RATE_TOKENS_MAX } from "../base/limits.ts";
import { splitRate } from "../base/rate.ts";
import type { RateSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileCursor } from "./file-cursor.ts";
import { kindOf } from "./file-cursor.ts";

type RateInit = MessageInitShape<typeof RateSchema>;

const RATE_FIELDS = ["tokens", "period"] as const;
const FORM = "so many in a time, such as 30/m (30 a minute), 1/s, 100/h or 5/10m";

/** Reads a rate; adds a fault and gives undefined where it is none. */
export function readRate(field: FileCursor): RateInit | undefined {
  const { value } = field;
  if (typeof value === "string") return rateOf(field, value);
  if (typeof value === "number") return field.refuse(`must be ${FORM}; found a number alone: say in which time, such as ${shown(value)}/m`);
  if (kindOf(value) !== "a map") return field.refuse(`must be ${FORM}; found ${kindOf(value)}`);
  const fields = field.fields(RATE_FIELDS, "rate");
  const tokens = fields
    ?.need("tokens", "say how many targets in a period may begin, such as tokens: 30")
    ?.number({ min: 1, max: RATE_TOKENS_MAX, isWhole: true });
  const period = fields?.need("period", "say in which time, such as period: 1m");
  const periodMs = period?.durationMs();
  if (periodMs === 0) return period?.refuse("must be longer than nothing");
  return tokens === undefined || periodMs === undefined ? undefined : { tokens, period: durationFromMs(periodMs) };
}

function rateOf(field: FileCursor, text: string): RateInit | undefined {
  const split = splitRate(text);
  if (split === undefined) return field.refuse(`must be ${FORM}`);
  const { count: tokens, periodMs } = split;
  if (!Number.isInteger(tokens) || tokens < 1 || tokens > RATE_TOKENS_MAX)
    return field.refuse(
      `the number before "/" must be a whole number from 1 to ${RATE_TOKENS_MAX}; for less than one in a time lengthen the time, as in 1/10m`,
    );
  if (periodMs === undefined) return field.refuse(`the time after "/" must be s, m, h or d, or ${DURATION_FORM}, at most 30d`);
  if (periodMs === 0) return field.refuse('the time after "/" must be longer than nothing');
  return { tokens, period: durationFromMs(periodMs) };
}

function shown(value: number): string {
  return Number.isInteger(value) && value >= 1 && value <= RATE_TOKENS_MAX ? String(value) : "30";
}
