// Bugs at the door: rights, namespaces and tokens.

import type { Mutant } from "./mutant.ts";

/** The list. */
export const DOOR_MUTANTS: readonly Mutant[] = [
  {
    name: "rights-not-checked",
    bug: "any role may call anything",
    breaks: "rule: rights",
    patches: [
      {
        file: "internal/api/call-gate.ts",
        find: "  if (!hasRole(principal.roles, [...roles, ...ownRoles])) {",
        replace: '  if (!hasRole(principal.roles, [...roles, ...ownRoles]) && call === "") {',
      },
    ],
    caughtBy: {
      file: "internal/api/rights.test.ts",
      name: "each role may do what the table says and nothing else; what it may not is refused before the body is looked at",
    },
  },
  {
    name: "rights-row-missing",
    bug: "a method without a row in the table of rights is served",
    breaks: "rule: rights",
    patches: [
      { file: "internal/api/rights.ts", find: '  ["ResolveTask", right("workflow", ["operator", "admin"])],\n', replace: "" },
      { file: "internal/api/routes.ts", find: "assert(RIGHTS.has(`${typeName}/${name}`),", replace: "assert(RIGHTS.size > 0," },
      {
        file: "internal/api/call-gate.ts",
        find: '  assert(right !== undefined, "createRoutes refuses to serve a method that is not in the table of rights");\n  return right;',
        replace: '  return right ?? { roles: ["viewer", "submitter", "approver", "operator", "admin"], ownRoles: [], reach: "nothing" };',
      },
    ],
    caughtBy: {
      file: "internal/api/rights.test.ts",
      name: "every method of every service that needs a token has a row, and every row has a method",
    },
  },
  {
    name: "own-rights-for-all",
    bug: "a right toward own workflows holds toward all",
    breaks: "rule: rights",
    patches: [
      {
        file: "internal/api/access-guard.ts",
        find: "if (isOfOwnOnly && status.submittedBy !== principal.name) {",
        replace: 'if (isOfOwnOnly && status.submittedBy === "") {',
      },
    ],
    caughtBy: {
      file: "internal/api/rights.test.ts",
      name: "a submitter steers what it submitted itself, by ID or key, and nothing of others",
    },
  },
  {
    name: "namespace-not-held",
    bug: "a token that is bound to a namespace sees the others",
    breaks: "rule: rights",
    patches: [
      {
        file: "internal/api/access-guard.ts",
        find: "if (namespaces !== undefined && !namespaces.has(status.namespace)) throw workflowNotFound(journal, id);",
        replace: "if (namespaces?.size === 0) throw workflowNotFound(journal, id);",
      },
    ],
    caughtBy: {
      file: "internal/api/rights.test.ts",
      name: "a workflow of another namespace is to a bound token as one that does not exist, in every protocol",
    },
  },
  {
    name: "body-kept-by-who-left",
    bug: "the rest of a body that was cut is never read, and its connection stands still",
    breaks: "rule: bodies",
    patches: [{ file: "internal/api/request-listener.ts", find: '  request.removeAllListeners("readable");', replace: "" }],
    caughtBy: { file: "internal/api/completion.test.ts", name: "the connection of a body that was cut serves the next call" },
  },
  {
    name: "unread-body-waited-for",
    bug: "over HTTP/2 the stream of a call that was answered before its body was read stays open",
    breaks: "rule: bodies",
    patches: [
      {
        file: "internal/api/request-listener.ts",
        find: '  if ("stream" in request) request.stream.close(constants.NGHTTP2_NO_ERROR);',
        replace: "",
      },
    ],
    caughtBy: {
      file: "internal/api/request-listener.test.ts",
      name: "over HTTP/2 a body that is too large is not waited for: its stream is closed once its answer is written",
    },
  },
  {
    name: "untaken-answer-kept",
    bug: "a stream that its client closed keeps an answer that nobody takes as long as its connection lives",
    breaks: "rule: bodies",
    patches: [{ file: "internal/api/http2-sessions.ts", find: "  if (stream.closed) stream.destroy();\n  else if", replace: "  if" }],
    caughtBy: {
      file: "internal/api/request-listener.test.ts",
      name: "over HTTP/2 an answer that its client neither takes nor waits for is not kept",
    },
  },
  {
    name: "principal-constant",
    bug: "everybody acts under the name of the administrator",
    breaks: "rule: rights",
    patches: [
      {
        file: "internal/api/call-gate.ts",
        find: "  return callerOf(context.values).principal;",
        replace: '  return { ...callerOf(context.values).principal, name: "admin" };',
      },
    ],
    caughtBy: {
      file: "internal/api/guard-handlers.test.ts",
      name: "a freeze and a thaw are asked of the engine in the caller's name, and answered with the proof",
    },
  },
  {
    name: "token-expired-lets-in",
    bug: "a token lets in after its time",
    breaks: "rule: tokens",
    patches: [
      {
        file: "internal/api/authentication.ts",
        find: "if (book.hasExpired(record)) throw",
        replace: 'if (book.hasExpired(record) && record.name === "") throw',
      },
    ],
    caughtBy: { file: "internal/api/call-gate.test.ts", name: "a stream ends when its token expires" },
  },
  {
    name: "token-revoked-in-memory-alone",
    bug: "a revoked token is good again after a restart",
    breaks: "rule: tokens",
    patches: [
      {
        file: "internal/api/token-book.ts",
        find: '    this.#store.write(this.#others(name));\n    this.#end(name, "the token was revoked");',
        replace: '    this.#end(name, "the token was revoked");',
      },
    ],
    caughtBy: {
      file: "internal/api/token-book.test.ts",
      name: "a token is neither good nor gone before the store has it, and what the store refuses has not happened",
    },
  },
  {
    name: "stream-breaks-and-looks-whole",
    bug: "a stream that broke ends as one that is complete",
    breaks: "H1",
    patches: [
      {
        file: "internal/api/direct-stream.ts",
        find: "endOf: (fault) => (fault === undefined ? (good ??= tell()) : tell(fault)),",
        replace: "endOf: () => (good ??= tell()),",
      },
    ],
    caughtBy: {
      file: "internal/api/direct-stream.test.ts",
      name: "an error is told as Connect tells it: before the first message, in the middle, with its places, of no known kind, of a message that is too large",
    },
  },
  {
    name: "shared-message-in-one-codec",
    bug: "a watcher that asked for JSON gets the bytes that were encoded for another",
    breaks: "rule: one port for all protocols",
    patches: [
      { file: "internal/api/direct-stream.ts", find: "frames: isBinary(type) ? binary : json,", replace: "frames: binary ?? json," },
    ],
    caughtBy: {
      file: "internal/api/direct-stream.test.ts",
      name: "messages and the end are byte for byte those of Connect's own handler, in every protocol, codec and compression",
    },
  },
  {
    name: "left-stream-keeps-its-place",
    bug: "a stream whose reader has left goes on to be counted as one",
    breaks: "H10",
    patches: [{ file: "internal/api/direct-stream.ts", find: "    } finally {\n      abort(fault);\n    }\n", replace: "    }\n" }],
    caughtBy: {
      file: "internal/api/direct-stream.test.ts",
      name: "a message is asked for when the one before is written; a reader that leaves, or breaks, ends the stream and its call",
    },
  },
];
