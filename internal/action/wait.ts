// `wait`: for a time, or until a moment. It changes nothing and holds nothing but its place in the stage.
// 1. Measured from the attempt's start in the journal: a restart of the service does not begin it anew.

import { parseDurationMs } from "../base/duration.ts";
import type { JsonObject } from "../base/json.ts";
import type { ApplyResult, AttemptContext, Clock, PreparedAction } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { ArgSchema, ArgsOf } from "./arg-schema.ts";
import { defineAction, exactlyOne } from "./definition.ts";
import type { DocumentedAction, RuleFault } from "./definition.ts";
import { parseMomentMs } from "./moment.ts";

const SCHEMA = {
  for: {
    type: "string",
    refuse: (text) =>
      parseDurationMs(text) === undefined ? 'must be a duration up to 30 days, such as "90s", "5m", "2h" or "1h30m"' : undefined,
    description: "How long: `90s`, `5m`, `2h`, `1h30m`, `3d`. At most 30 days.",
  },
  until: {
    type: "string",
    refuse: (text) => (parseMomentMs(text) === undefined ? 'must be a moment as in RFC 3339, such as "2027-03-01T04:00:00Z"' : undefined),
    description: "A moment as in RFC 3339: `2027-03-01T04:00:00Z`. One that has passed ends the wait at once.",
  },
} as const satisfies ArgSchema;

/** The `wait` action. */
export function waitAction(clock: Clock): DocumentedAction {
  return defineAction({ uses: "wait", effects: Effects.NONE, schema: SCHEMA, rules, prepare: (args) => prepareWait(clock, args) });
}

function rules(raw: JsonObject): readonly RuleFault[] {
  return exactlyOne(raw, ["for", "until"]);
}

function prepareWait(clock: Clock, args: ArgsOf<typeof SCHEMA>): PreparedAction {
  return {
    effects: Effects.NONE,
    isAtomic: true,
    isSensitive: false,
    check: async () => ({ kind: "unknowable" }),
    apply: (context) => waitFor(clock, context, endMs(args, context)),
  };
}

function endMs(args: ArgsOf<typeof SCHEMA>, context: AttemptContext): number {
  const moment = args.until === undefined ? undefined : parseMomentMs(args.until);
  return moment ?? context.startedAtMs + (parseDurationMs(args.for ?? "") ?? 0);
}

async function waitFor(clock: Clock, context: AttemptContext, untilMs: number): Promise<ApplyResult> {
  const { signal, timeoutMs } = context;
  const leftMs = untilMs - clock.nowMs();
  if (leftMs > timeoutMs) {
    const message = `the wait has ${Math.ceil(leftMs / 1_000)} s to go, and the attempt only ${Math.floor(timeoutMs / 1_000)} s; give the action a longer \`timeout:\``;
    return { kind: "failed", message, isRetryable: false };
  }
  if (leftMs > 0) await elapsed(clock, leftMs, signal);
  if (signal.aborted) return { kind: "cancelled", message: "cancelled while waiting" };
  return { kind: "applied", output: { waited_ms: Math.max(0, clock.nowMs() - context.startedAtMs) } };
}

function elapsed(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const onAbort = (): void => {
      cancel();
      resolve();
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
