// Holds a caller to its namespaces and to its own workflows, once the message says which workflow a call is about.
// 1. A namespace that the caller names and may not is PERMISSION_DENIED: it tells nothing that the caller did not say. A workflow of another
//    namespace that is named by its ID is NOT_FOUND, in the words for one that does not exist.
// 2. What was looked at is what the call gets: a key is replaced by the ID that it led to, for it may lead to another workflow a moment later.

import { isMessage } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { assert, assertNever } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import { WorkflowId } from "../base/ids.ts";
import { NAMESPACE_DEFAULT, resolveRef, workflowNotFound } from "../engine/lookup.ts";
import type { FindsWorkflows } from "../engine/lookup.ts";
import { FreezeScopeSchema } from "../gen/holdfast/v1/policy_pb.ts";
import { WorkflowRefSchema } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { Caller } from "./authentication.ts";
import { callerOf, rightOf } from "./call-gate.ts";
import type { Right } from "./rights.ts";
import { hasRole, kindNames } from "./rights.ts";
import { toConnectError } from "./wire-error.ts";

/** Checks the messages of all services but the public ones. */
export function createAccessGuard(journal: FindsWorkflows, publicServices: ReadonlySet<string>): Interceptor {
  return (next) => (request) => {
    if (publicServices.has(request.service.typeName)) return next(request);
    const caller = callerOf(request.contextValues);
    const right = rightOf(request);
    const check = (message: Message): void => {
      try {
        checkAccess({ journal, caller, right }, message);
      } catch (error) {
        throw toConnectError(error);
      }
    };
    if (!request.stream) {
      check(request.message);
      return next(request);
    }
    return next({ ...request, message: checked(request.message, check) });
  };
}

interface Access {
  readonly journal: FindsWorkflows;
  readonly caller: Caller;
  readonly right: Right;
}

async function* checked<M extends Message>(messages: AsyncIterable<M>, check: (message: M) => void): AsyncIterable<M> {
  for await (const message of messages) {
    check(message);
    yield message;
  }
}

function checkAccess(access: Access, message: Message): void {
  const { caller, right } = access;
  const { namespaces } = caller;
  switch (right.reach) {
    case "workflow":
      checkWorkflow(access, fieldOf(message, "workflow"));
      return;
    case "submission":
      if (namespaces !== undefined) checkNamespace(caller, namespaceOf(fieldOf(message, "submission") ?? message));
      return;
    case "list":
      if (namespaces !== undefined) checkNamespace(caller, namespaceOf(message));
      return;
    case "freeze":
      if (namespaces !== undefined) checkFreeze(caller, fieldOf(message, "scope"));
      return;
    case "service": // the gate has refused whoever is bound
    case "nothing":
      return;
    default:
      assertNever(right.reach);
  }
}

function checkWorkflow({ journal, caller, right }: Access, ref: unknown): void {
  const { principal, namespaces } = caller;
  const isOfOwnOnly = !hasRole(principal.roles, right.roles);
  if (namespaces === undefined && !isOfOwnOnly) return;
  if (!isMessage(ref, WorkflowRefSchema)) throw new HoldfastError("INVALID_ARGUMENT", "workflow: is missing; say which workflow is meant");
  if (namespaces !== undefined && !WorkflowId.is(ref.id)) checkNamespace(caller, ref.namespace);
  const id = resolveRef(journal, ref);
  const status = journal.record(id)?.status;
  assert(status !== undefined, "a workflow that was found has a record");
  if (namespaces !== undefined && !namespaces.has(status.namespace)) throw workflowNotFound(journal, id);
  if (isOfOwnOnly && status.submittedBy !== principal.name) {
    const own = `as a ${kindNames(right.ownRoles)} "${principal.name}" may do this to workflows that it submitted itself`;
    throw new HoldfastError(
      "PERMISSION_DENIED",
      `workflow ${id} was submitted by "${status.submittedBy}", and ${own}; ask who submitted it, or one with a role of: ${kindNames(right.roles)}`,
    );
  }
  ref.id = id;
}

function checkFreeze(caller: Caller, scope: unknown): void {
  const kind = isMessage(scope, FreezeScopeSchema) ? scope.kind : undefined;
  if (kind?.case === "namespace") {
    checkNamespace(caller, kind.value);
    return;
  }
  const { principal, namespaces } = caller;
  throw new HoldfastError(
    "PERMISSION_DENIED",
    `"${principal.name}" is bound to namespaces and may freeze or thaw one of them, not more; name one of: ${[...(namespaces ?? [])].join(", ")}`,
  );
}

function checkNamespace({ principal, namespaces }: Caller, named: string): void {
  const namespace = named === "" ? NAMESPACE_DEFAULT : named;
  if (namespaces === undefined || namespaces.has(namespace)) return;
  const found = namespace === "*" ? "all namespaces" : `namespace "${namespace}"`;
  throw new HoldfastError(
    "PERMISSION_DENIED",
    `"${principal.name}" may not name ${found}; its token is bound to: ${[...namespaces].join(", ")}; name one of these with --namespace`,
  );
}

function fieldOf(message: Message, name: string): unknown {
  return new Map<string, unknown>(Object.entries(message)).get(name);
}

/** A message without the field is a mistake of ours in the table of rights, and nobody may pass by it. */
function namespaceOf(message: unknown): string {
  const namespace = isMessage(message) ? fieldOf(message, "namespace") : undefined;
  assert(typeof namespace === "string", "a message that names a namespace has a field of that name");
  return namespace;
}
