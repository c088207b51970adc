// All services of the process as Connect handlers: Connect, gRPC and gRPC-Web each.
// 1. Each call passes the gate (who asks, is there room) before its body is read, then the message guard, then its handler.

import { createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { API_RESPONSE_BYTES_MAX, REQUEST_BYTES_MAX } from "../base/limits.ts";
import type { EngineFace } from "../engine/face.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { JournalService } from "../gen/holdfast/v1/journal_service_pb.ts";
import { WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { createAnswers } from "./answer.ts";
import type { OnFatal } from "./answer.ts";
import type { Authenticator } from "./authentication.ts";
import { createCallGate } from "./call-gate.ts";
import { createHealth } from "./health.ts";
import { createJournalHandlers } from "./journal-handlers.ts";
import type { ReadJournal } from "./journal-handlers.ts";
import { createMessageGuard } from "./message-guard.ts";
import { SchemaBook, reflect } from "./reflection.ts";
import { createWorkflowHandlers } from "./workflow-handlers.ts";

/** What the services are made of. */
export interface RoutesOptions {
  readonly engine: EngineFace;
  readonly journal: ReadJournal;
  readonly authenticator: Authenticator;
  /** Hears of every bug; must end the process. */
  readonly onFatal: OnFatal;
  /** Aborts when the service begins to end: ends streams with UNAVAILABLE. */
  readonly shutdown: AbortSignal;
}

const OWN = [WorkflowService, JournalService];
const PUBLIC = [Health, ServerReflection, ServerReflectionAlpha];

/** The handlers, one for each method. */
export function createRoutes(options: RoutesOptions): readonly UniversalHandler[] {
  const { engine, journal, authenticator, onFatal, shutdown } = options;
  const answers = createAnswers(onFatal);
  const book = new SchemaBook([...OWN, ...PUBLIC]);
  const router = createConnectRouter({
    requestGate: createCallGate({ authenticator, publicServices: new Set(PUBLIC.map(({ typeName }) => typeName)) }),
    interceptors: createMessageGuard(),
    readMaxBytes: REQUEST_BYTES_MAX,
    writeMaxBytes: API_RESPONSE_BYTES_MAX,
    acceptCompression: [compressionGzip, compressionBrotli],
    // A field that the service does not know may have been there to make the work safer: it is refused, not skipped.
    jsonOptions: { ignoreUnknownFields: false },
    shutdownSignal: shutdown,
  });
  router.service(WorkflowService, createWorkflowHandlers(engine, answers));
  router.service(JournalService, createJournalHandlers(journal, answers));
  router.service(Health, createHealth({ services: OWN.map(({ typeName }) => typeName), shutdown }, answers));
  router.service(ServerReflection, { serverReflectionInfo: (questions) => reflect(book, questions) });
  router.service(ServerReflectionAlpha, { serverReflectionInfo: (questions) => reflect(book, questions) });
  return router.handlers;
}
