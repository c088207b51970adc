// The digest of what a workflow froze: definition, parameters, targets, annotations, mode, and what each action is.
// 1. It is that of the canonical JSON of all of it; the targets are written piece by piece, and the event loop is let go in between:
//    100,000 of them take a quarter of a second.

import { createHash } from "node:crypto";
import { toJson } from "@bufbuild/protobuf";
import { canonicalJson, canonicalObject } from "../base/json.ts";
import { DIGEST_SLICE_MS_MAX, DIGEST_SLICE_TARGETS } from "../base/limits.ts";
import type { WorkflowSubmitted } from "../gen/holdfast/v1/event_pb.ts";
import { TargetSchema, WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import type { Clock } from "./ports.ts";

/** `sha256:` and 64 hex digits; `text` is the canonical text of the definition, for whoever has it already. */
export async function frozenDigest(
  submitted: WorkflowSubmitted,
  clock: Clock,
  text = canonicalJson(submitted.definition === undefined ? null : toJson(WorkflowDefinitionSchema, submitted.definition)),
): Promise<string> {
  const { params, targets, annotations, mode, actionKinds: kinds } = submitted;
  const rest = canonicalObject({
    actions: canonicalJson(kinds.map((kind) => ({ uses: kind.uses, digest: kind.digest }))),
    annotations: canonicalJson(annotations),
    definition: text,
    mode: canonicalJson(mode),
    params: canonicalJson(params ?? {}),
  });
  // "targets" is the last of the keys in order.
  const hash = createHash("sha256").update(`${rest.slice(0, -1)},"targets":[`);
  let startMs = clock.monotonicMs();
  for (let at = 0; at < targets.length; at += DIGEST_SLICE_TARGETS) {
    const texts = targets.slice(at, at + DIGEST_SLICE_TARGETS).map((target) => canonicalJson(toJson(TargetSchema, target)));
    hash.update(`${at === 0 ? "" : ","}${texts.join(",")}`);
    if (clock.monotonicMs() - startMs < DIGEST_SLICE_MS_MAX) continue;
    await letOthersRun(clock);
    startMs = clock.monotonicMs();
  }
  return `sha256:${hash.update("]}").digest("hex")}`;
}

async function letOthersRun(clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(0, resolve);
  await promise;
}
