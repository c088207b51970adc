// approve, approvals: a person looks at what is frozen in a digest, and says yes to that digest.
// 1. Nothing is approved by default, by an empty line or by the end of input: the digits of the digest are typed, or named by flags.
// 2. What is sent is the digest that was shown; the service refuses another one.

import { HoldfastError } from "../../../internal/base/errors.ts";
import type { WorkflowStatus } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { WorkflowStatusSchema } from "../../../internal/gen/holdfast/v1/status_pb.ts";
import { GetApprovalResponseSchema } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { sleep } from "../../../internal/sdk/ports.ts";
import { missing } from "../../../internal/sdk/wire-error.ts";
import { approvalLines } from "../approval-text.ts";
import type { Context } from "../context.ts";
import { lastLine } from "../display.ts";
import { EXIT_DONE, EXIT_FAILED } from "../exit-code.ts";
import { noteInLogbook } from "../follow.ts";
import type { Options } from "../options.ts";
import { flag, textOption } from "../options.ts";
import { isUnapproved, needsApproval } from "../verdict-text.ts";

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const TYPED_DIGITS = 8;
const APPROVAL_LOOK_MS = 100;
const APPROVAL_LOOKS_MAX = 10;

/** approvals ID */
export async function approvals(context: Context, [id = ""]: readonly string[]): Promise<number> {
  const page = await (await context.client()).getApproval({ workflow: context.ref(id) }, context.world.interrupted);
  if (context.out.isJson) await context.out.message(GetApprovalResponseSchema, page);
  else for (const line of approvalLines(page)) context.out.line(line);
  return EXIT_DONE;
}

/** approve ID */
export async function approve(context: Context, [id = ""]: readonly string[], options: Options): Promise<number> {
  const named = namedDigest(options);
  if (flag(options, "yes")) {
    if (named !== undefined) return approved(context, options, { workflow: context.ref(id), digest: named });
    throw new HoldfastError("INVALID_ARGUMENT", `--yes approves nothing unseen: name with --digest what "holdfast approvals ${id}" shows`);
  }
  const client = await context.client();
  const page = await client.getApproval({ workflow: context.ref(id) }, context.world.interrupted);
  const { status } = page;
  if (status === undefined) throw missing("a status");
  if (named !== undefined && named !== status.digest)
    throw new HoldfastError(
      "FAILED_PRECONDITION",
      `--digest names another digest than the workflow's, which is ${status.digest}; look again with "holdfast approvals ${id}"`,
    );
  if (!context.out.isJson) for (const line of approvalLines(page)) context.out.talk(line);
  const digits = status.digest.replace(/^sha256:/, "").slice(0, TYPED_DIGITS);
  const question = `to approve it, type the first ${TYPED_DIGITS} digits of its digest (${digits.slice(0, 2)}…); anything else approves nothing: `;
  const answer = context.out.isJson ? undefined : await context.world.ask(question);
  if (answer === undefined)
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `nothing was approved: there is nobody to ask; after a look at it use "holdfast approve ${id} --digest ${status.digest} --yes"`,
    );
  if (answer.trim().toLowerCase() !== digits) {
    context.out.talk("nothing was approved: that is not how the digest begins");
    return EXIT_FAILED;
  }
  // By ID from here on: a key may be taken over by another workflow.
  return approved(context, options, { workflow: { id: status.id, namespace: "" }, digest: status.digest });
}

interface Approved {
  readonly workflow: { readonly id: string; readonly namespace: string };
  readonly digest: string;
}

async function approved(context: Context, options: Options, what: Approved): Promise<number> {
  const client = await context.client();
  const { interrupted } = context.world;
  const answer = await client.approve({ ...what, reason: textOption(options, "reason") ?? "" }, interrupted);
  const status = await judgedAgain(context, answer);
  await noteInLogbook(await context.handshake(), status);
  if (context.out.isJson) await context.out.message(WorkflowStatusSchema, status);
  else context.out.line(lastLine(status));
  context.out.talk(`approved ${what.digest}${restText(status)}`);
  return EXIT_DONE;
}

/** Policies judge again right after an approval; what they say then is worth a short wait, and no more. */
async function judgedAgain(context: Context, answer: WorkflowStatus): Promise<WorkflowStatus> {
  const { clock, interrupted } = context.world;
  const client = await context.client();
  let status = answer;
  for (let look = 0; look < APPROVAL_LOOKS_MAX && needsApproval(status.verdict) && status.seq === answer.seq; look++) {
    await sleep(clock, APPROVAL_LOOK_MS, interrupted);
    status = await client.status({ workflow: { id: status.id, namespace: "" } }, interrupted);
  }
  return status;
}

/** What is still missing after this approval. */
function restText({ verdict }: WorkflowStatus): string {
  const open = verdict?.rules.filter(isUnapproved) ?? [];
  if (open.length === 0) return "";
  const asked = open.map(
    ({ policy, rule, approverRole, approvalsGiven, approvalsNeeded }) =>
      `${policy}/${rule} has ${approvalsGiven} of ${approvalsNeeded} by ${approverRole}`,
  );
  return `; it still needs more: ${asked.join(", ")}`;
}

function namedDigest(options: Options): string | undefined {
  const digest = textOption(options, "digest");
  if (digest === undefined || DIGEST.test(digest)) return digest;
  throw new HoldfastError("INVALID_ARGUMENT", "--digest must be sha256: and 64 hex digits, as status and approvals show them");
}
