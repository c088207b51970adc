import { connect as connectSocket } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { ADMIN_TOKEN, startApi } from "../../test/fakes/api-server.ts";
import type { ApiOptions } from "../../test/fakes/api-server.ts";
import { FAKE_ID, fakeEngine } from "../../test/fakes/engine.ts";
import { FakeClock } from "../../test/fakes/fake-clock.ts";
import { API_CALLS_MAX, API_CALLS_OF_PRINCIPAL_MAX } from "../base/limits.ts";
import type { EngineFace } from "../engine/face.ts";
import { TokenService } from "../gen/holdfast/v1/token_service_pb.ts";
import { WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";

const REF = { workflow: { id: FAKE_ID } };
const WORKFLOWS = { [FAKE_ID]: { namespace: "default", submittedBy: "amy" } };

async function start(options: Partial<ApiOptions> = {}) {
  const api = await startApi({ workflows: WORKFLOWS, ...options });
  onTestFinished(() => api.stop());
  const make = (name: string, lifetimeMs?: number): string =>
    api.tokens.create("admin", { name, roles: ["operator"], namespaces: [], isCertificate: false, lifetimeMs }).secret;
  const transports = (token: string) => {
    const options = { baseUrl: api.address, interceptors: [bearing(token)] };
    return {
      connect: createConnectTransport({ ...options, httpVersion: "1.1" }),
      grpc: createGrpcTransport(options),
      grpcWeb: createGrpcWebTransport({ ...options, httpVersion: "1.1" }),
    };
  };
  const client = (token: string) => createClient(WorkflowService, transports(token).grpc);
  return { ...api, make, transports, client };
}

function bearing(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await call.then(
      () => new Error("the call did not fail"),
      (error: unknown) => error,
    ),
  );
}

/** An engine whose Unpause does not answer before `release()`; `inside` counts who got to it. */
function slowEngine() {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const inside: string[] = [];
  const { engine } = fakeEngine();
  const unpause: EngineFace["unpause"] = async (by, ref) => {
    inside.push(by.name);
    await held;
    return engine.status(ref);
  };
  return { engine: { unpause }, inside, release: () => release() };
}

test("ten principals, one of them floods: the others are served at once", async () => {
  const slow = slowEngine();
  const { client, make } = await start({ engine: slow.engine });
  const flooder = client(make("flooder"));
  const flood = Array.from({ length: 500 }, () => flooder.unpause(REF));
  await expect.poll(() => slow.inside.length).toBe(API_CALLS_OF_PRINCIPAL_MAX);
  for (let index = 0; index < 9; index++) {
    const other = client(make(`other-${index}`));
    expect((await other.status(REF)).status?.id).toBe(FAKE_ID);
  }
  expect(slow.inside.length).toBe(API_CALLS_OF_PRINCIPAL_MAX);
  slow.release();
  await Promise.all(flood);
  expect(slow.inside.length).toBe(500);
});

test("calls beyond the places wait for one and are answered", async () => {
  const slow = slowEngine();
  const { client, make } = await start({ engine: slow.engine });
  const calls = ["amy", "bob", "cem"].flatMap((name) => {
    const one = client(make(name));
    return Array.from({ length: 30 }, () => one.unpause(REF));
  });
  await expect.poll(() => slow.inside.length).toBe(API_CALLS_MAX);
  slow.release();
  expect((await Promise.all(calls)).length).toBe(90);
});

test("with ten calls per principal the eleventh is RESOURCE_EXHAUSTED, with a hint when to come again, in every protocol", async () => {
  const slow = slowEngine();
  const { client, make, transports } = await start({ engine: slow.engine, callsPerPrincipal: 10 });
  const token = make("amy");
  const calls = Array.from({ length: 9 }, () => client(token).unpause(REF));
  const stream = client(token).watch(REF)[Symbol.asyncIterator]();
  await stream.next();
  await expect.poll(() => slow.inside.length).toBe(9);
  for (const transport of Object.values(transports(token))) {
    const error = await errorOf(createClient(WorkflowService, transport).status(REF));
    expect([error.code, error.rawMessage, error.metadata.get("retry-after")]).toEqual([
      Code.ResourceExhausted,
      '"amy" has 10 calls in flight, which is the most for one principal; try again later',
      "1",
    ]);
    const streamError = await errorOf(createClient(WorkflowService, transport).watch(REF)[Symbol.asyncIterator]().next());
    expect([streamError.code, streamError.metadata.get("retry-after")]).toEqual([Code.ResourceExhausted, "1"]);
  }
  expect((await client(make("bob")).status(REF)).status?.id).toBe(FAKE_ID);
  slow.release();
  await Promise.all(calls);
  expect((await client(token).status(REF)).status?.id).toBe(FAKE_ID);
});

test("a call waits no longer than its own deadline, and leaves no trace in the queue", async () => {
  const slow = slowEngine();
  const { client, make } = await start({ engine: slow.engine, callsPerPrincipal: API_CALLS_OF_PRINCIPAL_MAX + 1 });
  const amy = client(make("amy"));
  const calls = Array.from({ length: API_CALLS_OF_PRINCIPAL_MAX }, () => amy.unpause(REF));
  await expect.poll(() => slow.inside.length).toBe(API_CALLS_OF_PRINCIPAL_MAX);
  for (let index = 0; index < 3; index++) expect((await errorOf(amy.status(REF, { timeoutMs: 50 }))).code).toBe(Code.DeadlineExceeded);
  slow.release();
  await Promise.all(calls);
});

test("revoking a token ends its streams and what waits, with UNAUTHENTICATED, and nobody else's", async () => {
  const slow = slowEngine();
  const { address, make, transports, client } = await start({ engine: slow.engine });
  const token = make("amy");
  const ends: Promise<ConnectError>[] = [];
  for (const transport of Object.values(transports(token))) {
    const stream = createClient(WorkflowService, transport).watch(REF)[Symbol.asyncIterator]();
    await stream.next();
    ends.push(errorOf(stream.next()));
  }
  const others = client(make("bob")).watch(REF)[Symbol.asyncIterator]();
  await others.next();
  const waitingExec = errorOf(client(token).unpause(REF));
  const flood = Array.from({ length: API_CALLS_OF_PRINCIPAL_MAX }, () => errorOf(client(token).unpause(REF)));
  await expect.poll(() => slow.inside.length).toBe(API_CALLS_OF_PRINCIPAL_MAX);
  const admin = createClient(
    TokenService,
    createConnectTransport({ baseUrl: address, httpVersion: "1.1", interceptors: [bearing(ADMIN_TOKEN)] }),
  );
  await admin.revokeToken({ name: "amy" });
  for (const end of ends) {
    const error = await end;
    expect([error.code, error.rawMessage]).toEqual([Code.Unauthenticated, expect.stringMatching(/the token was revoked: "amy"; an admin/)]);
  }
  slow.release();
  const codes = (await Promise.all([waitingExec, ...flood])).map(({ code }) => code);
  expect(codes.filter((code) => code === Code.Unauthenticated)).toHaveLength(1); // the one that waited
  expect(slow.inside.length).toBe(API_CALLS_OF_PRINCIPAL_MAX);
  expect((await errorOf(client(token).status(REF))).code).toBe(Code.Unauthenticated);
  const stillOpen = Symbol("open");
  expect(
    await Promise.race([
      others.next().catch(() => "ended"),
      client(make("cem"))
        .status(REF)
        .then(() => stillOpen),
    ]),
  ).toBe(stillOpen);
});

test("a stream ends when its token expires", async () => {
  const clock = new FakeClock();
  const { make, client } = await start({ clock });
  const token = make("amy", 60_000);
  const stream = client(token).watch(REF)[Symbol.asyncIterator]();
  await stream.next();
  const end = errorOf(stream.next());
  clock.advance(59_999);
  await client(token).status(REF);
  clock.advance(1);
  expect(await end).toMatchObject({ code: Code.Unauthenticated, rawMessage: expect.stringContaining("the token has expired") });
  expect(await errorOf(client(token).status(REF))).toMatchObject({ rawMessage: expect.stringMatching(/"amy" has expired; an admin/) });
});

function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, "127.0.0.1");
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(heard));
    socket.write(text, "latin1");
  });
}

test("two authorization headers, NUL bytes and huge tokens are refused before anything is asked", async () => {
  const { port, make, asked } = await start();
  const token = make("amy");
  const call = (headers: string): string =>
    `POST /holdfast.v1.WorkflowService/Status HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n${headers}\r\n{}`;
  const own = `authorization: Bearer ${token}\r\n`;
  const admin = `Authorization: Bearer ${ADMIN_TOKEN}\r\n`;
  expect(await exchange(port, call(own + admin))).toMatch(/^HTTP\/1\.1 400.*more than one authorization header/s);
  expect(await exchange(port, call(admin + own))).toMatch(/^HTTP\/1\.1 400/);
  expect(await exchange(port, call(`authorization: Bearer ${token}\0x\r\n`))).toMatch(/^HTTP\/1\.1 400/);
  expect(await exchange(port, call(`authorization: Bearer ${"a".repeat(8_000)}\r\n`))).toMatch(/^HTTP\/1\.1 401.*not of the form/s);
  expect(await exchange(port, call(`authorization: Bearer ${"a".repeat(40_000)}\r\n`))).toMatch(/^HTTP\/1\.1 431|400/);
  expect(asked).toEqual([]);
});

test("the signals of calls that were answered abort with one reason, which is made once", async () => {
  const signals: AbortSignal[] = [];
  const { engine } = fakeEngine();
  const exec: EngineFace["exec"] = async (_by, ref, _digest, wait) => {
    if (wait !== undefined) signals.push(wait);
    return engine.status(ref);
  };
  const { client } = await start({ engine: { exec } });
  const caller = client(ADMIN_TOKEN);
  for (const _ of [1, 2]) await caller.exec({ ...REF, digest: `sha256:${"0".repeat(64)}`, wait: true });
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  expect(signals[0]?.reason).toBe(signals[1]?.reason);
  expect(ConnectError.from(signals[0]?.reason).code).toBe(Code.Canceled);
});
