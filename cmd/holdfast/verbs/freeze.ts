// freeze, thaw: the emergency stop. The answer of a freeze is its proof: what took note, and what still runs.
// 1. Exactly one scope is named; nothing never means everything.
// 2. A freeze is in force before this ends with 0, whatever still runs; waiting for that is asked for with --wait, and has a bound.

import { create } from "@bufbuild/protobuf";
import { join } from "node:path";
import { DURATION_FORM, parseDurationMs } from "../../../internal/base/duration.ts";
import { HoldfastError } from "../../../internal/base/errors.ts";
import { FREEZE_POLL_MS } from "../../../internal/base/limits.ts";
import type { FreezeProof } from "../../../internal/gen/holdfast/v1/guard_service_pb.ts";
import { FreezeResponseSchema, GetFreezesResponseSchema, ThawResponseSchema } from "../../../internal/gen/holdfast/v1/guard_service_pb.ts";
import type { FreezeScope } from "../../../internal/gen/holdfast/v1/policy_pb.ts";
import { FreezeMode, FreezeScopeSchema } from "../../../internal/gen/holdfast/v1/policy_pb.ts";
import { persist } from "../../../internal/sdk/persistence.ts";
import { sleep } from "../../../internal/sdk/ports.ts";
import { missing } from "../../../internal/sdk/wire-error.ts";
import { dataDirectory } from "../config.ts";
import type { Context } from "../context.ts";
import { EXIT_CANCELLED, EXIT_DONE, EXIT_FAILED } from "../exit-code.ts";
import type { Options } from "../options.ts";
import { flag, textOption } from "../options.ts";
import { freezeText, proofLines, runningCount } from "../proof-text.ts";

const SCOPES = "--everything, --namespace NAME, --workflow NAME or --label LABEL=VALUE";
const WAIT_AT_MOST_DEFAULT = "1h";
const REASON_LENGTH_MAX = 1_024;

/** freeze SCOPE --reason TEXT, and freeze --status */
export async function freeze(context: Context, _args: readonly string[], options: Options): Promise<number> {
  const scope = scopeOf(options);
  if (flag(options, "status")) return showFreezes(context, scope, options);
  if (scope === undefined)
    throw new HoldfastError("INVALID_ARGUMENT", `nothing was frozen: say what, with one of ${SCOPES}; all of it is --everything`);
  const reason = textOption(options, "reason") ?? "";
  if (reason === "" || reason.length > REASON_LENGTH_MAX)
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `nothing was frozen: say why with --reason, in 1 to ${REASON_LENGTH_MAX} characters; use few words, it is read at night`,
    );
  const waitMs = waitOf(options);
  const answer = await placed(context, { scope, mode: flag(options, "abort") ? FreezeMode.ABORT : FreezeMode.FINISH, reason });
  const proof = answer.proof ?? missingProof();
  if (context.out.isJson) await context.out.message(FreezeResponseSchema, answer);
  else for (const line of proofLines(proof)) context.out.line(line);
  context.resumeHint = `${answer.id} is in force; see "holdfast freeze --status", lift it with "holdfast thaw ${answer.id}"`;
  context.out.talk(context.resumeHint);
  return waitMs === undefined ? EXIT_DONE : untilStill(context, proof, waitMs);
}

/** thaw ID, or the freezes of a scope */
export async function thaw(context: Context, [id = ""]: readonly string[], options: Options): Promise<number> {
  const scope = scopeOf(options);
  if ((id === "") === (scope === undefined))
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `nothing was thawed: name one freeze by its ID, or one of ${SCOPES}${id === "" ? "" : ", not both"}; see "holdfast freeze --status"`,
    );
  const ask = { id, reason: textOption(options, "reason") ?? "", ...(scope === undefined ? {} : { scope }) };
  const answer = await (await context.client()).thaw(ask, context.world.interrupted);
  if (context.out.isJson) await context.out.message(ThawResponseSchema, answer);
  else {
    context.out.line(`thawed ${answer.ids.join(", ")}`);
    for (const left of answer.left) context.out.line(`FROZEN ${freezeText(left)}`);
  }
  if (answer.left.length > 0) context.out.talk(`other freezes are still in force: ${answer.left.length}; what they stop stays frozen`);
  return EXIT_DONE;
}

async function showFreezes(context: Context, scope: FreezeScope | undefined, options: Options): Promise<number> {
  if (scope !== undefined || flag(options, "abort"))
    throw new HoldfastError("INVALID_ARGUMENT", "--status shows all freezes and places none: use it without a scope and without --abort");
  const waitMs = waitOf(options);
  const answer = await (await context.client()).getFreezes({}, context.world.interrupted);
  const proof = answer.proof ?? missingProof();
  if (context.out.isJson) await context.out.message(GetFreezesResponseSchema, answer);
  else for (const line of proofLines(proof)) context.out.line(line);
  if (proof.freezes.length === 0) return EXIT_DONE;
  const waited = waitMs === undefined ? EXIT_DONE : await untilStill(context, proof, waitMs);
  return waited === EXIT_DONE ? EXIT_CANCELLED : waited;
}

interface Placing {
  readonly scope: FreezeScope;
  readonly mode: FreezeMode;
  readonly reason: string;
}

/** Placing a freeze may be repeated: the same one is answered again. */
async function placed(context: Context, request: Placing) {
  const client = await context.client();
  const patience = context.patience();
  context.resumeHint = 'the freeze may be in force; see "holdfast freeze --status"';
  try {
    return await persist(patience, { isFirstContact: true }, () => client.freeze(request, patience.signal));
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "UNAVAILABLE") throw error;
    const file = join(dataDirectory(context.world), "FREEZE");
    throw new HoldfastError(
      "UNAVAILABLE",
      `${error.message}; whether anything was frozen is not known. On the service's machine the file FREEZE in its data directory freezes everything, ` +
        `also for a service that starts later: use "touch ${file}" if that is where its data is`,
      { cause: error },
    );
  }
}

/** Asks again and again until no frozen attempt runs any more; then 0, or 1 when the time is up. */
async function untilStill(context: Context, first: FreezeProof, atMostMs: number): Promise<number> {
  const client = await context.client();
  const patience = context.patience();
  const { clock, interrupted } = context.world;
  const startedMs = clock.nowMs();
  let proof = first;
  while (runningCount(proof) > 0) {
    if (clock.nowMs() - startedMs >= atMostMs) {
      await showProof(context, proof);
      context.out.talk(
        `frozen attempts that still run: ${runningCount(proof)}; the time of --wait-at-most is up, the freeze stays in force`,
      );
      return EXIT_FAILED;
    }
    await sleep(clock, FREEZE_POLL_MS, interrupted);
    const answer = await persist(patience, { isFirstContact: false }, () => client.getFreezes({}, patience.signal));
    const now = answer.proof ?? missingProof();
    if (now.freezes.length === 0) {
      context.out.talk("somebody has thawed: nothing is frozen any more");
      return EXIT_FAILED;
    }
    if (runningCount(now) !== runningCount(proof)) context.out.talk(`frozen attempts that still run: ${runningCount(now)}`);
    proof = now;
  }
  if (proof !== first) await showProof(context, proof);
  return EXIT_DONE;
}

async function showProof(context: Context, proof: FreezeProof): Promise<void> {
  if (context.out.isJson) await context.out.message(GetFreezesResponseSchema, create(GetFreezesResponseSchema, { proof }));
  else for (const line of proofLines(proof)) context.out.line(line);
}

function scopeOf(options: Options): FreezeScope | undefined {
  const namespace = textOption(options, "namespace");
  const workflow = textOption(options, "workflow");
  const label = textOption(options, "label");
  const named = [flag(options, "everything"), namespace !== undefined, workflow !== undefined, label !== undefined].filter(Boolean);
  if (named.length > 1)
    throw new HoldfastError("INVALID_ARGUMENT", `more than one scope: use exactly one of ${SCOPES}, and repeat for others`);
  if (flag(options, "everything")) return create(FreezeScopeSchema, { kind: { case: "everything", value: true } });
  if (namespace !== undefined) return create(FreezeScopeSchema, { kind: { case: "namespace", value: namespace } });
  if (workflow !== undefined) return create(FreezeScopeSchema, { kind: { case: "workflowName", value: workflow } });
  if (label === undefined) return undefined;
  const equals = label.indexOf("=");
  if (equals < 1) throw new HoldfastError("INVALID_ARGUMENT", "--label must be LABEL=VALUE, such as site=ams; write both");
  return create(FreezeScopeSchema, { kind: { case: "label", value: { label: label.slice(0, equals), value: label.slice(equals + 1) } } });
}

/** How long to wait; undefined: not at all. */
function waitOf(options: Options): number | undefined {
  const text = textOption(options, "waitAtMost");
  if (!flag(options, "wait")) {
    if (text === undefined) return undefined;
    throw new HoldfastError("INVALID_ARGUMENT", "--wait-at-most needs --wait: use both");
  }
  const ms = parseDurationMs(text ?? WAIT_AT_MOST_DEFAULT);
  if (ms === undefined) throw new HoldfastError("INVALID_ARGUMENT", `--wait-at-most: use ${DURATION_FORM}, at most 30d`);
  return ms;
}

function missingProof(): never {
  throw missing("a proof of what is frozen");
}
