// Random submissions: a definition with everything that a client says beside it; now and then one that must be refused.
// 1. A submission that must be refused is wrong in one way, and says so: that it is taken is a finding.

import { fromJson } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { Mode } from "../../internal/gen/holdfast/v1/event_pb.ts";
import { WorkflowDefinitionSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { SubmitRequest } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { SubmitRequestSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { requestId } from "../fakes/world.ts";
import type { Chance } from "./chance.ts";
import { randomDefinition } from "./random-workflow.ts";
import type { Workplace } from "./random-workflow.ts";

type Json = { [key: string]: JsonValue };

/** What a client asks for. */
export interface RandomSubmission {
  readonly request: SubmitRequest;
  readonly mode: Mode;
  /** True: the service must not take it. */
  readonly isWrong: boolean;
}

/** Secrets that arguments name; the service of a simulation holds them. */
export const SECRETS: ReadonlyMap<string, string> = new Map([["token", "s3cret-7f2a91"]]);

/** A submission; `ordinal` makes its request ID. */
export function randomSubmission(chance: Chance, place: Workplace & { readonly ordinal: number }): RandomSubmission {
  const { definition, params, chosen } = randomDefinition(chance.fork("definition"), place);
  const isWrong = chance.hit(0.04);
  const request: Json = {
    requestId: requestId(place.ordinal),
    ...(chance.hit(0.2) ? { namespace: chance.one("ops", "default") } : {}),
    ...(chance.hit(0.2) ? { key: `job-${chance.int(1, 3)}` } : {}),
    ...(Object.keys(params.given).length === 0 ? {} : { params: params.given }),
    ...(chance.hit(0.15) ? { expectTargets: chosen } : {}),
    ...(chance.hit(0.15) ? { annotations: { ticket: "T-2", by: "sim" } } : {}),
    ...(chance.hit(0.5) ? { priority: chance.one(-1, 1, 0, 100, -100) } : {}),
    ...(chance.hit(0.03) ? { validateOnly: true } : {}),
    ...(isWrong ? randomMistake(chance, chosen) : {}),
  };
  const message = fromJson(SubmitRequestSchema, request);
  message.definition = fromJson(WorkflowDefinitionSchema, definition);
  return { request: message, mode: chance.hit(0.1) ? Mode.PLAN : Mode.APPLY, isWrong };
}

function randomMistake(chance: Chance, chosen: number): Json {
  return chance.one<Json>({ expectTargets: chosen + 1 }, { params: { nobody: 1 } });
}
