import { readFileSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { ADMIN_TOKEN, startApi } from "../../test/fakes/api-server.ts";
import type { ApiOptions } from "../../test/fakes/api-server.ts";
import { FAKE_ID } from "../../test/fakes/engine.ts";
import { Resolution } from "../gen/holdfast/v1/event_pb.ts";
import { GuardService } from "../gen/holdfast/v1/guard_service_pb.ts";
import { JournalService } from "../gen/holdfast/v1/journal_service_pb.ts";
import { CancelRequestSchema, WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { RIGHTS, kindNames } from "./rights.ts";
import type { Right } from "./rights.ts";
import { OWN } from "./routes.ts";

const OTHER_ID = "019a9f1e-5c3a-7d10-8f00-0123456789ac";
const THIRD_ID = "019a9f1e-5c3a-7d10-8f00-0123456789ad";
const WORKFLOWS = {
  [FAKE_ID]: { namespace: "default", submittedBy: "amy", key: "mine" },
  [OTHER_ID]: { namespace: "default", submittedBy: "bob" },
  [THIRD_ID]: { namespace: "team-b", submittedBy: "amy", key: "hidden" },
};

async function start(options: Partial<ApiOptions> = {}) {
  const api = await startApi({ workflows: WORKFLOWS, ...options });
  onTestFinished(() => api.stop());
  const make = (name: string, roles: string[], namespaces: string[] = []): string =>
    api.tokens.create("admin", { name, roles, namespaces, isCertificate: false, lifetimeMs: undefined }).secret;
  return { ...api, make, client: (token: string) => clientOf(api.address, token) };
}

function bearing(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

function clientOf(baseUrl: string, token: string) {
  return createClient(WorkflowService, createConnectTransport({ baseUrl, httpVersion: "1.1", interceptors: [bearing(token)] }));
}

async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await call.then(
      () => new Error("the call did not fail"),
      (error: unknown) => error,
    ),
  );
}

/** What a call without a usable body answers: its code in Connect's words, for a method of any kind. */
async function codeOf(address: string, path: string, options: { token: string; isStream: boolean }): Promise<string> {
  const response = await fetch(`${address}/${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${options.token}`,
      "content-type": options.isStream ? "application/connect+json" : "application/json",
    },
    body: "no JSON",
  });
  return /"code":"(\w+)"/.exec(await response.text())?.[1] ?? `HTTP ${response.status}`;
}

const SERVED = OWN.flatMap((service) =>
  service.methods.map((method) => ({ path: `${service.typeName}/${method.name}`, isStream: method.methodKind !== "unary" })),
);

test("every method of every service that needs a token has a row, and every row has a method", () => {
  expect(SERVED.map(({ path }) => path).filter((path) => !RIGHTS.has(path))).toEqual([]);
  const services = new Set(OWN.map(({ typeName }) => typeName));
  const rows = [...RIGHTS.keys()].filter((path) => services.has(path.split("/", 1)[0] ?? ""));
  expect(rows.toSorted()).toEqual(SERVED.map(({ path }) => path).toSorted());
});

test("each role may do what the table says and nothing else; what it may not is refused before the body is looked at", async () => {
  const { address, make } = await start();
  const tokens = { viewer: "viewer", submitter: "submitter", approver: "approver:sre", operator: "operator", admin: "admin" };
  for (const [kind, role] of Object.entries(tokens)) {
    const token = make(`the-${kind}`, [role]);
    for (const { path, isStream } of SERVED) {
      const right = RIGHTS.get(path);
      const kinds: readonly string[] = [...(right?.roles ?? []), ...(right?.ownRoles ?? [])];
      const code = await codeOf(address, path, { token, isStream });
      expect([path, role, code === "permission_denied"]).toEqual([path, role, !kinds.includes(kind)]);
    }
  }
});

test("a denial names who asked, with which roles, what is needed, and how to get it", async () => {
  const { make, client, asked } = await start();
  const error = await errorOf(client(make("ci-bot", ["viewer"])).submit({}));
  expect([error.code, error.rawMessage]).toEqual([
    Code.PermissionDenied,
    '"ci-bot" (viewer) may not call WorkflowService.Submit: it needs one of the roles submitter, admin; ask an admin for a token: holdfast token create NAME --role submitter',
  ]);
  expect(asked).toEqual([]);
});

test("a submitter steers what it submitted itself, by ID or key, and nothing of others", async () => {
  const { make, client, asked } = await start();
  const amy = client(make("amy", ["submitter"]));
  for (const id of [FAKE_ID, "mine"]) await amy.cancel({ workflow: { id } });
  expect(asked.filter(({ method }) => method === "cancel").map(({ by, id }) => [by, id])).toEqual([
    ["amy", FAKE_ID],
    ["amy", FAKE_ID], // a key is looked up once
  ]);
  for (const call of [amy.cancel, amy.pause, amy.unpause, amy.retry, amy.exec]) {
    const error = await errorOf(call({ workflow: { id: OTHER_ID } }));
    expect(error.rawMessage).toMatch(/was submitted by "bob".*"amy" may do this to workflows that it submitted itself.*roles? of:/);
    expect(error.code).toBe(Code.PermissionDenied);
  }
  const task = { stage: "s", action: "a", resolution: Resolution.FAILED, reason: "x" };
  expect((await errorOf(amy.resolveTask({ workflow: { id: FAKE_ID }, ...task }))).code).toBe(Code.PermissionDenied);
  const operator = client(make("ops", ["operator"]));
  await operator.cancel({ workflow: { id: OTHER_ID } });
  expect((await errorOf(operator.exec({ workflow: { id: OTHER_ID } }))).code).toBe(Code.PermissionDenied);
});

test("a bound token names and sees its namespaces only", async () => {
  const { address, make, client, asked } = await start();
  const token = make("b", ["submitter", "operator"], ["team-b"]);
  const bound = client(token);
  await bound.status({ workflow: { id: THIRD_ID } });
  await bound.status({ workflow: { id: "hidden", namespace: "team-b" } });
  await bound.listWorkflows({ namespace: "team-b" });
  const denied: Promise<unknown>[] = [
    bound.listWorkflows({}),
    bound.listWorkflows({ namespace: "*" }),
    bound.listWorkflows({ namespace: "default" }),
    bound.status({ workflow: { id: "mine" } }),
    bound.status({ workflow: { id: "mine", namespace: "default" } }),
    bound.submit(SUBMISSION),
    bound.submit({ ...SUBMISSION, namespace: "other" }),
    bound.plan({ submission: SUBMISSION }),
  ];
  for (const call of denied) expect((await errorOf(call)).rawMessage).toMatch(/"b" may not name .*bound to: team-b; name one/);
  await bound.submit({ ...SUBMISSION, namespace: "team-b" });
  const admin = createClient(JournalService, createGrpcTransport({ baseUrl: address, interceptors: [bearing(token)] }));
  expect((await errorOf(admin.verifyJournal({}))).code).toBe(Code.PermissionDenied);
  expect(asked.map(({ id }) => id).filter((id) => id !== undefined)).toEqual([THIRD_ID, THIRD_ID]);
});

test("a workflow of another namespace is to a bound token as one that does not exist, in every protocol", async () => {
  const { address, make } = await start();
  const token = make("b", ["viewer", "operator"], ["team-b"]);
  const absent = "019a9f1e-5c3a-7d10-8f00-00000000dead";
  const options = { baseUrl: address, interceptors: [bearing(token)] };
  for (const transport of [createConnectTransport({ ...options, httpVersion: "1.1" }), createGrpcTransport(options)]) {
    const client = createClient(WorkflowService, transport);
    for (const call of [client.status, client.cancel, client.why]) {
      const found = await errorOf(call({ workflow: { id: FAKE_ID } }));
      const none = await errorOf(call({ workflow: { id: absent } }));
      expect([found.code, found.rawMessage.replace(FAKE_ID, absent)]).toEqual([Code.NotFound, none.rawMessage]);
    }
    const watched = client
      .watch({ workflow: { id: FAKE_ID } })
      [Symbol.asyncIterator]()
      .next();
    expect((await errorOf(watched)).code).toBe(Code.NotFound);
  }
});

test("a bound operator freezes and thaws its own namespace, and nothing wider", async () => {
  const { address, make, asked } = await start();
  const interceptors = [bearing(make("b", ["operator"], ["team-b"]))];
  const guard = createClient(GuardService, createConnectTransport({ baseUrl: address, httpVersion: "1.1", interceptors }));
  const own = { kind: { case: "namespace", value: "team-b" } } as const;
  await guard.freeze({ scope: own, reason: "fire" });
  await guard.thaw({ scope: own });
  const wider = [
    { kind: { case: "everything", value: true } },
    { kind: { case: "namespace", value: "default" } },
    { kind: { case: "workflowName", value: "hello" } },
    { kind: { case: "label", value: { label: "role", value: "web" } } },
  ] as const;
  for (const scope of wider) {
    expect((await errorOf(guard.freeze({ scope, reason: "x" }))).code).toBe(Code.PermissionDenied);
    expect((await errorOf(guard.thaw({ scope }))).code).toBe(Code.PermissionDenied);
  }
  expect((await errorOf(guard.thaw({ id: "f1" }))).code).toBe(Code.PermissionDenied);
  expect((await errorOf(guard.getFreezes({}))).code).toBe(Code.PermissionDenied);
  expect(asked.map(({ method }) => method)).toEqual(["freeze", "thaw"]);
});

test("rights of one name do not depend on how its letters are written, in tokens or in paths", async () => {
  const { address, make } = await start();
  const token = make("amy", ["operator"]);
  const path = "holdfast.v1.WorkflowService/Cancel";
  const body = toBinary(CancelRequestSchema, create(CancelRequestSchema, { workflow: { id: FAKE_ID } }));
  const post = (at: string, authorization: string) =>
    fetch(`${address}/${at}`, { method: "POST", headers: { authorization, "content-type": "application/proto" }, body });
  expect((await post(path, `Bearer ${token}`)).status).toBe(200);
  expect((await post(path, `bEARER  ${token}`)).status).toBe(200); // the scheme's case does not matter (RFC 9110, 11.1)
  expect((await post(path, `Bearer ${token.toUpperCase()}`)).status).toBe(401);
  expect((await post(path, `Bearer ${ADMIN_TOKEN.toUpperCase()}`)).status).toBe(401);
  expect((await post(path, `Bearer ${token} ${ADMIN_TOKEN}`)).status).toBe(401);
  expect((await post(path, `Basic ${token}`)).status).toBe(401);
  expect((await post(path.toLowerCase(), `Bearer ${token}`)).status).toBe(404);
});

test("docs/security.md shows the table", () => {
  const page = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");
  const missing = [...RIGHTS].map(([path, right]) => docRow(path, right)).filter((row) => !compact(page).includes(compact(row)));
  expect(missing, "paste these rows into docs/security.md").toEqual([]);
});

function docRow(path: string, { roles, ownRoles, reach }: Right): string {
  const name = path.replace("holdfast.v1.", "").replace("/", ".");
  return `| \`${name}\` | ${kindNames(roles)} | ${ownRoles.length === 0 ? "" : kindNames(ownRoles)} | ${reach} |`;
}

function compact(text: string): string {
  return text.replaceAll(/ +/g, " ");
}

const SUBMISSION = {
  requestId: "5b8f0a4e-6d0f-4f6e-9b1c-2f3a4d5e6f70",
  definition: { name: "hello", stages: [{ name: "only", actions: [{ name: "true", uses: "assert", with: { that: "true" } }] }] },
};
