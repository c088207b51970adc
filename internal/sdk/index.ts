// What programs import from "holdfast": the typed client, the handshake with its logbook, and the reading of workflow files.
// 1. What is not exported here is not an API.

export { HoldfastError } from "../base/errors.ts";
export type { ErrorCode, ErrorDetail } from "../base/errors.ts";
export { connectClient, HoldfastClient } from "./client.ts";
export type { ClientOptions, ClientTls } from "./client-transport.ts";
export { completeEntry, credentialMark, execEntry, newEntry, noteEnd, submitEntry } from "./handshake.ts";
export type { Completion, HandshakePorts, ServiceMark } from "./handshake.ts";
export { Logbook, stateDirectory } from "./logbook.ts";
export type { LogbookContent } from "./logbook.ts";
export type { EntryEnd, Intent, LogbookEntry } from "./logbook-entry.ts";
export { diskFiles } from "./logbook-files.ts";
export { followWorkflow, hasEnded, persist } from "./persistence.ts";
export type { Following, Patience } from "./persistence.ts";
export type { LogbookFiles, SdkClock } from "./ports.ts";
export { wireJson } from "./wire-json.ts";
export { readWorkflowFile } from "./workflow-file.ts";
export type { WorkflowFile, WorkflowFileOptions } from "./workflow-file.ts";
export { parseParams } from "./workflow-params.ts";
export * from "../gen/holdfast/v1/event_pb.ts";
export * from "../gen/holdfast/v1/guard_service_pb.ts";
export * from "../gen/holdfast/v1/journal_service_pb.ts";
export * from "../gen/holdfast/v1/policy_pb.ts";
export * from "../gen/holdfast/v1/policy_service_pb.ts";
export * from "../gen/holdfast/v1/status_pb.ts";
export * from "../gen/holdfast/v1/token_service_pb.ts";
export * from "../gen/holdfast/v1/workflow_pb.ts";
export * from "../gen/holdfast/v1/workflow_service_pb.ts";
