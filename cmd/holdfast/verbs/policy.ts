// policy explain, replay, list: what the service's policies say, would say, and would have said.
// 1. Nothing is recorded. What rules say is printed as they say it; the output makes it safe for a terminal.

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { parseDurationMs, DURATION_FORM } from "../../../internal/base/duration.ts";
import { HoldfastError } from "../../../internal/base/errors.ts";
import { DecisionSchema, EnforcementSchema, GateSchema } from "../../../internal/gen/holdfast/v1/policy_pb.ts";
import type {
  ExplainResponse,
  GateExplanation,
  PolicyInfo,
  ReplayResponse,
  RuleExplanation,
} from "../../../internal/gen/holdfast/v1/policy_service_pb.ts";
import {
  ExplainResponseSchema,
  ListPoliciesResponseSchema,
  ReplayResponseSchema,
} from "../../../internal/gen/holdfast/v1/policy_service_pb.ts";
import { Decision } from "../../../internal/gen/holdfast/v1/policy_pb.ts";
import { enumName } from "../../../internal/sdk/wire-json.ts";
import type { Context } from "../context.ts";
import { EXIT_DENIED, EXIT_DONE, EXIT_FAILED } from "../exit-code.ts";
import type { Options } from "../options.ts";
import { flag, listOption, textOption } from "../options.ts";
import { timeText } from "../status-text.ts";
import { readSubmission } from "../submission.ts";
import { pinsText } from "../verdict-text.ts";

/** policy explain FILE: 0 when no gate denies, 3 when one does. */
export async function explain(context: Context, [file = ""]: readonly string[], options: Options): Promise<number> {
  const { request: submission, sending } = await readSubmission(context.world, file, options);
  const client = await context.client();
  const answer = await sending(() => client.explain({ submission }, context.world.interrupted));
  if (context.out.isJson) await context.out.message(ExplainResponseSchema, answer);
  else for (const line of explainLines(answer, { isBrokenOnly: flag(options, "broken") })) context.out.line(line);
  return answer.gates.some(({ decision }) => decision === Decision.DENY) ? EXIT_DENIED : EXIT_DONE;
}

/** policy replay --since TIME: 0 when nothing would be decided otherwise, else 1. */
export async function replay(context: Context, _args: readonly string[], options: Options): Promise<number> {
  const sinceMs = parseDurationMs(textOption(options, "since") ?? "") ?? longDurationMs(textOption(options, "since") ?? "");
  if (sinceMs === undefined)
    throw new HoldfastError("INVALID_ARGUMENT", `--since must be ${DURATION_FORM}; days may be more than 30, as in 90d`);
  const paths = listOption(options, "policies");
  const candidates = paths.length === 0 ? [] : await readCandidates(paths);
  const since = timestampFromMs(Math.max(0, context.world.clock.nowMs() - sinceMs));
  let changed = 0;
  let examined = 0;
  for await (const row of (await context.client()).replay({ since, candidates }, context.world.interrupted)) {
    if (row.id === "") examined = row.examined;
    else changed++;
    if (context.out.isJson) await context.out.message(ReplayResponseSchema, row);
    else if (row.id !== "") for (const line of replayLines(row)) context.out.line(line);
  }
  const by = paths.length === 0 ? "the policies in force" : "these policies";
  context.out.talk(`${changed} of ${examined} workflows would be decided otherwise by ${by}`);
  return changed === 0 ? EXIT_DONE : EXIT_FAILED;
}

/** policy list: 1 when a file is broken. */
export async function listPolicies(context: Context): Promise<number> {
  const answer = await (await context.client()).listPolicies({}, context.world.interrupted);
  if (context.out.isJson) await context.out.message(ListPoliciesResponseSchema, answer);
  else for (const policy of answer.policies) for (const line of policyLines(policy)) context.out.line(line);
  if (answer.isDefault)
    context.out.talk("no directory of policies is set: the built-in default allows everything; see holdfastd --policies");
  else if (answer.policies.length === 0) context.out.talk("the directory of policies holds no file: every Submit is refused");
  return answer.policies.some(({ fault }) => fault !== "") ? EXIT_FAILED : EXIT_DONE;
}

async function readCandidates(paths: readonly string[]) {
  const { findPolicyFiles } = await import("../../../internal/policy/policy-check.ts");
  const files = findPolicyFiles(paths);
  if (files.length === 0)
    throw new HoldfastError("INVALID_ARGUMENT", "--policies names no policy file (*.yaml, *.yml); write the path of one");
  return files.map(({ file, source }) => ({ file, source }));
}

/** `90d`: durations elsewhere end at 30 days, the journal does not. */
function longDurationMs(text: string): number | undefined {
  const days = /^(\d{1,4})d$/.exec(text)?.[1];
  return days === undefined ? undefined : Number(days) * 86_400_000;
}

function explainLines({ gates }: ExplainResponse, { isBrokenOnly }: { readonly isBrokenOnly: boolean }): readonly string[] {
  if (gates.length === 0) return ["no gate has a rule for it: everything is allowed"];
  return gates.flatMap((gate) => {
    const rules = gate.rules.filter(({ matches, holds }) => !isBrokenOnly || (matches && !holds));
    return [
      `${enumName(DecisionSchema, gate.decision)} at the gate ${gateText(gate)}`,
      ...rules.flatMap(ruleLines),
      ...gate.limits.map(({ key, terms }) => `  takes   ${key}: ${terms}`),
    ];
  });
}

function gateText({ gate, stage, action, target }: GateExplanation): string {
  const name = enumName(GateSchema, gate).toLowerCase();
  if (stage === "") return name;
  return action === "" ? `${name} of stage "${stage}"` : `${name} ${stage}/${action}${target === "" ? "" : `@${target}`}`;
}

function ruleLines({ pin, rule, enforcement, matches, holds, message, reads }: RuleExplanation): readonly string[] {
  const word = !matches ? "no part" : holds ? "holds  " : "BROKEN ";
  const follows = enumName(EnforcementSchema, enforcement).toLowerCase();
  const name = `${pin === undefined ? "" : pinsText([pin])}/${rule}`;
  const said = !matches ? "the policy does not match the workflow" : message;
  const read = reads.map(
    ({ window, dimension, value, count }) =>
      `          read: ${count} touched in ${window}, ${dimension}${value === "" ? "" : ` ${value}`}`,
  );
  return [`  ${word} ${name} (${follows})${said === "" ? "" : `: ${said}`}`, ...read];
}

function replayLines({ id, name, submittedAt, was, now, rules }: ReplayResponse): readonly string[] {
  const decided = `${enumName(DecisionSchema, was)} -> ${enumName(DecisionSchema, now)}`;
  return [`${id}  ${timeText(submittedAt)}  ${decided}  ${name}`, ...rules.map((rule) => `  ${rule}`)];
}

function policyLines({ pin, file, fault, rules, limits }: PolicyInfo): readonly string[] {
  const version = pin === undefined ? "no version was ever whole" : pinsText([pin]);
  const parts = [
    ...(rules.length === 0 ? [] : [`rules ${rules.join(", ")}`]),
    ...(limits.length === 0 ? [] : [`limits ${limits.join(", ")}`]),
  ];
  const head = `${fault === "" ? "ok    " : "BROKEN"}  ${file}  ${version}${parts.length === 0 ? "" : `: ${parts.join("; ")}`}`;
  if (fault === "") return [head];
  const serves =
    pin === undefined ? "every Submit is refused until it is mended" : "this version serves what runs; new work that it matches is refused";
  return [head, `  ${serves}`, ...fault.split("\n").map((line) => `  ${line}`)];
}
