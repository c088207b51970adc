// All services of the process as Connect handlers: Connect, gRPC and gRPC-Web each.
// 1. Each call passes the gate (who asks, may they, is there room) before its body is read, then the message guard, the access guard, its handler.
// 2. A method without a row in the table of rights is not served: the start fails.

import { createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { assert } from "../base/assert.ts";
import { API_COMPRESSED_BYTES_MIN, API_RESPONSE_BYTES_MAX, COMPLETION_REQUEST_BYTES_MAX, REQUEST_BYTES_MAX } from "../base/limits.ts";
import type { EngineFace } from "../engine/face.ts";
import type { FindsWorkflows } from "../engine/lookup.ts";
import type { Sinks } from "../engine/ports.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { CompletionService } from "../gen/holdfast/v1/completion_service_pb.ts";
import { GuardService } from "../gen/holdfast/v1/guard_service_pb.ts";
import { JournalService } from "../gen/holdfast/v1/journal_service_pb.ts";
import { PolicyService } from "../gen/holdfast/v1/policy_service_pb.ts";
import { SinkService } from "../gen/holdfast/v1/sink_service_pb.ts";
import { TokenService } from "../gen/holdfast/v1/token_service_pb.ts";
import { WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { createAccessGuard } from "./access-guard.ts";
import { createAnswers } from "./answer.ts";
import type { OnFatal } from "./answer.ts";
import type { Authenticator } from "./authentication.ts";
import { createCallGate } from "./call-gate.ts";
import { createCompletionHandlers } from "./completion-handlers.ts";
import { createDirectStreams } from "./direct-stream.ts";
import type { WireOptions } from "./direct-stream.ts";
import { createGuardHandlers } from "./guard-handlers.ts";
import { createHealth } from "./health.ts";
import { createJournalHandlers } from "./journal-handlers.ts";
import type { ReadJournal } from "./journal-handlers.ts";
import { createMessageGuard } from "./message-guard.ts";
import { createPolicyHandlers } from "./policy-handlers.ts";
import { SchemaBook, reflect } from "./reflection.ts";
import { RIGHTS } from "./rights.ts";
import { createSinkHandlers } from "./sink-handlers.ts";
import type { TokenBook } from "./token-book.ts";
import { createTokenHandlers } from "./token-handlers.ts";
import { createWorkflowHandlers } from "./workflow-handlers.ts";

/** What the services are made of. */
export interface RoutesOptions {
  readonly engine: EngineFace;
  readonly journal: ReadJournal & FindsWorkflows;
  readonly authenticator: Authenticator;
  readonly tokens: TokenBook;
  readonly sinks: Sinks;
  /** Calls in flight for one principal; beyond, RESOURCE_EXHAUSTED. */
  readonly callsPerPrincipal: number;
  /** Hears of every bug; must end the process. */
  readonly onFatal: OnFatal;
  /** Aborts when the service begins to end: ends streams with UNAVAILABLE. */
  readonly shutdown: AbortSignal;
}

/** All services that need a token. */
export const OWN = [WorkflowService, GuardService, PolicyService, JournalService, TokenService, SinkService];
/** Needs the token of an attempt, and no principal's. */
export const BY_TOKEN = CompletionService;
const PUBLIC = [Health, ServerReflection, ServerReflectionAlpha];

const WIRE: WireOptions = {
  readMaxBytes: REQUEST_BYTES_MAX,
  writeMaxBytes: API_RESPONSE_BYTES_MAX,
  compressMinBytes: API_COMPRESSED_BYTES_MIN,
  acceptCompression: [compressionGzip, compressionBrotli],
  // A field that the service does not know may have been there to make the work safer: it is refused, not skipped.
  jsonOptions: { ignoreUnknownFields: false },
};

/** The handlers, one for each method. */
export function createRoutes(options: RoutesOptions): readonly UniversalHandler[] {
  const { engine, journal, authenticator, tokens, sinks, callsPerPrincipal, onFatal, shutdown } = options;
  const publicServices = new Set([...PUBLIC, BY_TOKEN].map(({ typeName }) => typeName));
  for (const { typeName, methods } of OWN)
    for (const { name } of methods) assert(RIGHTS.has(`${typeName}/${name}`), `${typeName}/${name} has a row in api/rights.ts`);
  const answers = createAnswers(onFatal);
  const book = new SchemaBook([...OWN, BY_TOKEN, ...PUBLIC]);
  const router = createConnectRouter({
    ...WIRE,
    requestGate: createCallGate({ authenticator, publicServices, byToken: BY_TOKEN.typeName, callsPerPrincipal }),
    interceptors: [...createMessageGuard(), createAccessGuard(journal, publicServices)],
    shutdownSignal: shutdown,
  });
  router.service(WorkflowService, createWorkflowHandlers(engine, answers));
  router.service(GuardService, createGuardHandlers(engine, answers));
  router.service(PolicyService, createPolicyHandlers(engine, answers));
  router.service(JournalService, createJournalHandlers(journal, answers));
  router.service(TokenService, createTokenHandlers(tokens, answers));
  router.service(SinkService, createSinkHandlers(sinks, answers));
  router.service(BY_TOKEN, createCompletionHandlers(engine, answers), { readMaxBytes: COMPLETION_REQUEST_BYTES_MAX });
  router.service(Health, createHealth({ services: [...OWN, BY_TOKEN].map(({ typeName }) => typeName), shutdown }, answers));
  router.service(ServerReflection, { serverReflectionInfo: (questions) => reflect(book, questions) });
  router.service(ServerReflectionAlpha, { serverReflectionInfo: (questions) => reflect(book, questions) });
  return router.handlers.map(createDirectStreams(WIRE));
}
