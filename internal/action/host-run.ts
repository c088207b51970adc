// How actions run commands at a target through the Transport port, and what the ways in which that can end mean for them.
// 1. What may change something runs under a RunRef, so that it can be settled by looking; what only reads does not.
// 2. A read whose end nobody knows harmed nothing: it counts as unreachable and may be tried again. A change then is unknown.

import { create } from "@bufbuild/protobuf";
import { assertNever } from "../base/assert.ts";
import { OUTPUT_BYTES_MAX } from "../base/limits.ts";
import type { AttemptContext, Failure, HostLook, HostResult, Silence, Transport } from "../engine/ports.ts";
import { TargetSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../gen/holdfast/v1/workflow_pb.ts";
import { lastLine } from "./output.ts";

/** What an action wants to run at the context's target. */
export interface HostRequest {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: Uint8Array;
  readonly isReadOnly: boolean;
}

/** A command that ended by itself. */
export type Exited = Extract<HostResult, { kind: "exited" }>;

/** Runs a command where the task runs: at its target, or on the service's own host. */
export async function runAtHost(transport: Transport, context: AttemptContext, request: HostRequest): Promise<Exited | Failure> {
  const { isReadOnly, ...command } = request;
  const result = await transport.run(context.target ?? serviceHost(), {
    ...command,
    env: { ...command.env, ...taskEnv(context) },
    ...(isReadOnly ? {} : { run: { taskKey: context.taskKey, attempt: context.attempt }, mayBegin: context.mayBegin }),
    timeoutMs: context.timeoutMs,
    ...(Number.isFinite(context.heartbeatMs) ? { heartbeatMs: context.heartbeatMs } : {}),
    outputBytesMax: OUTPUT_BYTES_MAX,
    signal: context.signal,
  });
  return result.kind === "exited" ? result : failureOf(result, { isReadOnly });
}

/** What became of the context's run in a former life of the service. */
export async function lookAtHost(transport: Transport, context: AttemptContext): Promise<Exited | Failure | { readonly kind: "absent" }> {
  const result: HostLook = await transport.look(context.target ?? serviceHost(), {
    run: { taskKey: context.taskKey, attempt: context.attempt },
    timeoutMs: context.timeoutMs,
    outputBytesMax: OUTPUT_BYTES_MAX,
    signal: context.signal,
  });
  return result.kind === "exited" || result.kind === "absent" ? result : failureOf(result, { isReadOnly: false });
}

/** What every command of a task finds in its environment. */
export function taskEnv(context: AttemptContext): Readonly<Record<string, string>> {
  return {
    HOLDFAST_TARGET: context.target?.name ?? "",
    HOLDFAST_TASK_KEY: context.taskKey,
    HOLDFAST_WORKFLOW_ID: context.workflowId,
    HOLDFAST_ATTEMPT: String(context.attempt),
  };
}

function serviceHost(): Target {
  return create(TargetSchema, { name: "service", connection: { kind: { case: "local", value: { root: "" } } } });
}

function failureOf(result: Exclude<HostResult, Exited>, { isReadOnly }: { readonly isReadOnly: boolean }): Failure {
  switch (result.kind) {
    case "timed-out": {
      const line = lastLine(result.stderr);
      const said = line === "" ? "" : `; last line on stderr: ${line}`;
      const message =
        result.silence === undefined
          ? `timed out, and its whole process group was ended${said}; a longer \`timeout:\` of the action gives it more time`
          : `${silenceText(result.silence)}, and its whole process group was ended${said}; it should print more often, or have a longer \`heartbeat:\``;
      return { kind: "failed", isTimedOut: true, message };
    }
    case "cancelled":
      return { kind: "cancelled", message: "cancelled; its whole process group was ended" };
    case "unbegun":
      // Of a read alone it says nothing of the work that the read belongs to.
      return { kind: isReadOnly ? "cancelled" : "unbegun", message: "cancelled before it was started" };
    case "unreachable":
      return { kind: "unreachable", message: result.message };
    case "unknown":
      return { kind: isReadOnly ? "unreachable" : "unknown", message: result.message };
    default:
      return assertNever(result);
  }
}

function silenceText({ heardAfterS }: Silence): string {
  const heard = heardAfterS === undefined ? "nothing was heard of it since it began" : `it was last heard ${heardAfterS} s after it began`;
  return `gave no sign of life for its \`heartbeat\`: ${heard}`;
}
