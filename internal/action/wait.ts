// `wait`: for a time, until a moment, or until the next month (day, week …) begins. It changes nothing and holds nothing but its place in the stage.
// 1. Measured from the attempt's start in the journal, and the moment that comes of it is journaled: no restart begins it anew.
// 2. Nothing of it runs while it waits: the workflow itself ends it.

import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "../base/json.ts";
import type { ApplyResult, AttemptContext, Clock, PreparedAction } from "../engine/ports.ts";
import { AwaitedSchema, Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { ArgSchema, ArgsOf } from "./arg-schema.ts";
import { CALENDAR_FORM, CALENDAR_UNITS, calendarEndMs, isCalendarTime, nextStartMs } from "./calendar-time.ts";
import { defineAction, exactlyOne } from "./definition.ts";
import type { DocumentedAction, RuleFault } from "./definition.ts";
import { parseMomentMs } from "./moment.ts";

const SCHEMA = {
  for: {
    type: "string",
    refuse: (text) => (isCalendarTime(text) ? undefined : `must be ${CALENDAR_FORM}, at most 100 years`),
    description:
      "How long: `90s`, `5m`, `1h30m`, `3d`, `2w`, `6mo`, `1y6mo`. `mo` and `y` go by the calendar in UTC; a day has 24 hours. At most 100 years.",
  },
  until: {
    type: "string",
    refuse: (text) => (parseMomentMs(text) === undefined ? 'must be a moment as in RFC 3339, such as "2027-03-01T04:00:00Z"' : undefined),
    description: "A moment as in RFC 3339: `2027-03-01T04:00:00Z`. One that has passed ends the wait at once.",
  },
  next: {
    type: "string",
    allowed: CALENDAR_UNITS,
    description: "The start of the next `hour`, `day`, `week` (on Monday), `month` or `year` after the attempt's start, in UTC.",
  },
} as const satisfies ArgSchema;

/** The `wait` action. */
export function waitAction(clock: Clock): DocumentedAction {
  return defineAction({ uses: "wait", effects: Effects.NONE, schema: SCHEMA, rules, prepare: (args) => prepareWait(clock, args) });
}

function rules(raw: JsonObject): readonly RuleFault[] {
  return exactlyOne(raw, ["for", "until", "next"]);
}

function prepareWait(clock: Clock, args: ArgsOf<typeof SCHEMA>): PreparedAction {
  return {
    effects: Effects.NONE,
    isAtomic: true,
    isSensitive: false,
    check: async () => ({ kind: "unknowable" }),
    apply: async (context) => awaitMoment(clock, context, endMs(args, context)),
  };
}

function endMs(args: ArgsOf<typeof SCHEMA>, context: AttemptContext): number {
  const unit = CALENDAR_UNITS.find((name) => name === args.next);
  const moment = unit === undefined ? parseMomentMs(args.until ?? "") : nextStartMs(unit, context.startedAtMs);
  return moment ?? calendarEndMs(args.for ?? "", context.startedAtMs) ?? context.startedAtMs;
}

function awaitMoment(clock: Clock, { timeoutMs, startedAtMs }: AttemptContext, atMs: number): ApplyResult {
  const leftMs = atMs - clock.nowMs();
  if (leftMs <= 0) return { kind: "applied", output: { waited_ms: Math.max(0, clock.nowMs() - startedAtMs) } };
  if (leftMs > timeoutMs) {
    const message = `the wait has ${Math.ceil(leftMs / 1_000)} s to go, and the attempt only ${Math.floor(timeoutMs / 1_000)} s; give the action a longer \`timeout:\`, or none`;
    return { kind: "failed", message, isRetryable: false };
  }
  return { kind: "awaits", awaited: create(AwaitedSchema, { kind: { case: "moment", value: { atMs: BigInt(atMs) } } }) };
}
