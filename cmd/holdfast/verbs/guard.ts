// locks, limits: what the guard holds, and who waits for it.
// 1. One line a key; who waits stands in the order in which it will be served.

import type { Limit, Lock } from "../../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { LimitSchema, LockSchema } from "../../../internal/gen/holdfast/v1/guard_service_pb.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { timeText } from "../status-text.ts";

/** locks [PREFIX] */
export async function locks(context: Context, [prefix = ""]: readonly string[]): Promise<number> {
  const answer = await (await context.client()).listLocks({ prefix }, context.world.interrupted);
  for (const lock of answer.locks) {
    if (context.out.isJson) await context.out.message(LockSchema, lock);
    else context.out.line(lockLine(lock));
  }
  sayRest(context, { what: "lock is held", prefix, shown: answer.locks.length, count: answer.count });
  return EXIT_DONE;
}

/** limits [PREFIX] */
export async function limits(context: Context, [prefix = ""]: readonly string[]): Promise<number> {
  const answer = await (await context.client()).listLimits({ prefix }, context.world.interrupted);
  for (const limit of answer.limits) {
    if (context.out.isJson) await context.out.message(LimitSchema, limit);
    else context.out.line(limitLine(limit));
  }
  sayRest(context, { what: "limit is in use", prefix, shown: answer.limits.length, count: answer.count });
  return EXIT_DONE;
}

function lockLine({ key, workflow, target, waiting }: Lock): string {
  if (workflow === "") return [key, "held by nobody now", ...waitingText(waiting)].join("  ");
  const holder = target === "" || key === `target:${target}` ? workflow : `${workflow} for ${target}`;
  return [key, `held by ${holder}`, ...waitingText(waiting)].join("  ");
}

function limitLine({ key, slots, nextAt, each, waiting }: Limit): string {
  const next = nextAt === undefined ? [] : [`next token at ${timeText(nextAt)}`];
  const values = each.length === 0 ? [] : [`each ${each.join(", ")}`];
  return [key, `${slots} in use`, ...next, ...values, ...waitingText(waiting)].join("  ");
}

function waitingText(waiting: readonly string[]): readonly string[] {
  return waiting.length === 0 ? [] : [`waiting: ${waiting.join(", ")}`];
}

function sayRest(context: Context, { what, prefix, shown, count }: { what: string; prefix: string; shown: number; count: number }): void {
  const where = prefix === "" ? "" : " whose key begins so";
  if (count === 0) context.out.talk(`no ${what}${where}`);
  else if (count > shown) context.out.talk(`and ${count - shown} more; name the beginning of a key to see fewer`);
}
