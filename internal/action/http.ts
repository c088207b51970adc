// `http`: one request from the service's own host, or a handshake (prepare, commit) with another service.
// 1. GET and HEAD read. Anything else is unsafe, unless a `check`, a handshake with `status`, or its author's promise says otherwise.
// 2. What was sent and not answered is settled by the check or the status where there is one; else, when unsafe, it is unknown.

import type { JsonObject } from "../base/json.ts";
import type { ValidateContext } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import { argumentAt, celFaults } from "./cel-argument.ts";
import { defineAction, exactlyOne, onlyWith } from "./definition.ts";
import type { DocumentedAction, RuleFault } from "./definition.ts";
import { prepareHandshake, prepareRequest } from "./http-runs.ts";
import { HTTP_SCHEMA } from "./http-args.ts";
import type { HttpPorts } from "./http-call.ts";

/** The `http` action. */
export function httpAction(ports: HttpPorts): DocumentedAction {
  return defineAction({
    uses: "http",
    effects: Effects.UNSAFE,
    schema: HTTP_SCHEMA,
    rules,
    expressions: (raw, context) => EXPRESSIONS.flatMap((path) => celFaults(raw, path, withAnswer(context, path))),
    hasPulse: true,
    prepare: (args) => (args.prepare === undefined ? prepareRequest(ports, args) : prepareHandshake(ports, args)),
  });
}

const EXPRESSIONS = [["expect"], ["check", "expect"], ["prepare", "id"], ["commit", "expect"], ["status", "expect"]] as const;
/** The types of what an answer is: `body` is JSON, or text where it is none. */
const ANSWER = { body: "dyn", status: "int", headers: "map(string, string)" };

/** What expressions see besides the workflow's own names: the answer. All but the ID of a handshake are conditions. */
function withAnswer({ place, names, types }: ValidateContext, path: readonly string[]): Parameters<typeof celFaults>[2] {
  return {
    place,
    names: [...new Set([...names, ...Object.keys(ANSWER)])],
    ...(types === undefined ? {} : { types: { ...types, declarations: { ...types.declarations, ...ANSWER } } }),
    ...(path.at(-1) === "expect" ? { result: "bool" } : {}),
  };
}

const REQUEST_ONLY = ["method", "headers", "json", "body", "expect_status", "expect", "follow_redirects", "idempotent", "check"] as const;

function rules(raw: JsonObject): readonly RuleFault[] {
  const isHandshake = Object.hasOwn(raw, "prepare");
  const method = raw["method"] ?? "GET";
  const isReading = method === "GET" || method === "HEAD";
  const ofRequest = {
    holds: !isHandshake,
    reason: "belongs to a single request; in a handshake write it into `prepare`, `commit` or `status`",
  };
  const ofHandshake = { holds: isHandshake, reason: "belongs to a handshake; it needs `prepare`" };
  const ofChange = { holds: !isReading, reason: "has no meaning for GET and HEAD, which only read" };
  return [
    ...exactlyOne(raw, ["url", "prepare"]),
    ...(isHandshake && !Object.hasOwn(raw, "commit")
      ? [{ argument: "commit", reason: "a handshake needs `commit` besides `prepare`" }]
      : []),
    ...REQUEST_ONLY.flatMap((name) => onlyWith(raw, name, ofRequest)),
    ...["commit", "status"].flatMap((name) => onlyWith(raw, name, ofHandshake)),
    ...(isHandshake ? [] : ["json", "body", "idempotent", "check"].flatMap((name) => onlyWith(raw, name, ofChange))),
    ...[[], ["prepare"], ["commit"]].flatMap((path) => payloadFaults(raw, path)),
    ...[["headers"], ["check", "headers"], ["prepare", "headers"], ["commit", "headers"], ["status", "headers"]].flatMap((path) =>
      headerFaults(raw, path),
    ),
  ];
}

function payloadFaults(raw: JsonObject, path: readonly string[]): readonly RuleFault[] {
  const has = (name: string): boolean => argumentAt(raw, [...path, name]) !== undefined;
  return has("json") && has("body") ? [{ argument: path[0] ?? "body", reason: "only one of json or body can be given" }] : [];
}

function headerFaults(raw: JsonObject, path: readonly string[]): readonly RuleFault[] {
  const headers = argumentAt(raw, path);
  const names = typeof headers === "object" && headers !== null ? Object.keys(headers) : [];
  return names
    .filter((name) => !/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || /^(?:host|content-length|transfer-encoding|connection)$/i.test(name))
    .map(() => ({ argument: path[0] ?? "headers", reason: "holds a name that is no header's, or one that the service sets itself" }));
}
