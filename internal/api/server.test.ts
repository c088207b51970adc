import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectSocket } from "node:net";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterEach, expect, test } from "vitest";
import { ADMIN_TOKEN as TOKEN, startApi } from "../../test/fakes/api-server.ts";
import type { ApiOptions } from "../../test/fakes/api-server.ts";
import { FAKE_ID, fakeEngine } from "../../test/fakes/engine.ts";
import { HoldfastError } from "../base/errors.ts";
import { API_COMPRESSED_BYTES_MIN, REQUEST_BYTES_MAX } from "../base/limits.ts";
import type { EngineFace } from "../engine/face.ts";
import { HealthCheckResponse_ServingStatus, Health } from "../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { ErrorDetailsSchema } from "../gen/holdfast/v1/error_pb.ts";
import { JournalService } from "../gen/holdfast/v1/journal_service_pb.ts";
import { Phase, WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import { StatusRequestSchema, WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { ReadJournal } from "./journal-handlers.ts";
import { parseListen } from "./listen-address.ts";
import { BY_TOKEN, OWN } from "./routes.ts";
import { serve } from "./server.ts";
import { systemClock } from "../system/clock.ts";

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function start(replace: Partial<EngineFace> = {}, options: Partial<ApiOptions> = {}) {
  const api = await startApi({ ...options, engine: replace });
  cleanups.push(() => api.stop());
  return api;
}

function bearing(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

function transports(baseUrl: string, token = TOKEN): Record<string, Transport> {
  const interceptors = [bearing(token)];
  return {
    "connect over HTTP/1.1": createConnectTransport({ baseUrl, httpVersion: "1.1", interceptors }),
    "connect over HTTP/1.1, JSON": createConnectTransport({ baseUrl, httpVersion: "1.1", interceptors, useBinaryFormat: false }),
    "connect over HTTP/2": createConnectTransport({ baseUrl, httpVersion: "2", interceptors }),
    gRPC: createGrpcTransport({ baseUrl, interceptors }),
    "gRPC-Web over HTTP/1.1": createGrpcWebTransport({ baseUrl, httpVersion: "1.1", interceptors }),
  };
}

function connectClient(baseUrl: string, token = TOKEN) {
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

async function allOf<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

const REF = { workflow: { id: FAKE_ID } };

test("one port answers Connect, gRPC and gRPC-Web, calls and streams", async () => {
  const { address, asked } = await start();
  for (const transport of Object.values(transports(address))) {
    const client = createClient(WorkflowService, transport);
    expect((await client.status(REF)).status?.phase).toBe(Phase.RUNNING);
    for await (const { seq } of client.watch({ ...REF, afterSeq: 41n })) {
      expect(seq).toBe(42n);
      break;
    }
    await client.cancel({ ...REF, reason: "done" });
  }
  expect(asked.filter(({ method }) => method === "cancel").map(({ by }) => by)).toEqual(["admin", "admin", "admin", "admin", "admin"]);
});

test("only a large answer is compressed", async () => {
  let error = "";
  const { address } = await start({ status: async () => create(WorkflowStatusSchema, { id: FAKE_ID, error }) });
  const encodings: (string | null)[] = [];
  for (const bytes of [API_COMPRESSED_BYTES_MIN / 2, API_COMPRESSED_BYTES_MIN * 2]) {
    error = "e".repeat(bytes);
    const headers = { "content-type": "application/json", "accept-encoding": "gzip", authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${address}/holdfast.v1.WorkflowService/Status`, { method: "POST", headers, body: JSON.stringify(REF) });
    expect((await response.text()).length).toBeGreaterThan(bytes);
    encodings.push(response.headers.get("content-encoding"));
  }
  expect(encodings).toEqual([null, "gzip"]);
});

test("exec that waits answers with the status at the end", async () => {
  const { address, asked } = await start();
  const { status } = await connectClient(address).exec({ ...REF, wait: true });
  expect(status?.phase).toBe(Phase.SUCCEEDED);
  expect(asked.map(({ method }) => method)).toEqual(["exec, and waits"]);
});

test("an expected error keeps code, message and all its places in every protocol", async () => {
  const details = [
    { place: "stages[0].name", reason: "is empty" },
    { place: "stages[1].name", reason: "is taken" },
  ];
  const { address, fatal } = await start({
    status: async () => Promise.reject(new HoldfastError("FAILED_PRECONDITION", "two faults", { details })),
  });
  for (const transport of Object.values(transports(address))) {
    const error = await errorOf(createClient(WorkflowService, transport).status(REF));
    expect(error.code).toBe(Code.FailedPrecondition);
    expect(error.rawMessage).toBe("two faults");
    expect(error.findDetails(ErrorDetailsSchema).flatMap(({ places }) => places.map(({ place, reason }) => ({ place, reason })))).toEqual(
      details,
    );
  }
  expect(fatal).toEqual([]);
});

test("a bug answers INTERNAL without content and is told of, in calls and streams", async () => {
  const bug = new TypeError("secret content");
  const { address, fatal } = await start({
    status: async () => Promise.reject(bug),
    watch: () => {
      throw bug;
    },
  });
  const client = connectClient(address);
  const error = await errorOf(client.status(REF));
  expect([error.code, error.message.includes("secret")]).toEqual([Code.Internal, false]);
  const streamError = await errorOf(allOf(client.watch(REF)));
  expect([streamError.code, streamError.message.includes("secret")]).toEqual([Code.Internal, false]);
  expect(fatal).toEqual([bug, bug]);
});

test("a call without a known token is UNAUTHENTICATED and says where the token is", async () => {
  const { address, asked } = await start();
  const unknown = await errorOf(connectClient(address, "other").status(REF));
  expect(unknown.code).toBe(Code.Unauthenticated);
  expect(unknown.rawMessage).toMatch(/HOLDFAST_TOKEN.*HOLDFAST_DATA/);
  const none = await errorOf(createClient(WorkflowService, createGrpcTransport({ baseUrl: address })).status(REF));
  expect(none.code).toBe(Code.Unauthenticated);
  expect(asked).toEqual([]);
});

test("health and reflection need no token", async () => {
  const { address } = await start();
  const transport = createGrpcTransport({ baseUrl: address });
  const health = createClient(Health, transport);
  expect((await health.check({})).status).toBe(HealthCheckResponse_ServingStatus.SERVING);
  expect(Object.keys((await health.list({})).statuses)).toEqual([...OWN, BY_TOKEN].map(({ typeName }) => typeName));
  expect((await errorOf(health.check({ service: "nope" }))).code).toBe(Code.NotFound);
  const questions = (async function* ask() {
    yield { messageRequest: { case: "listServices", value: "" } as const };
    yield { messageRequest: { case: "fileContainingSymbol", value: "holdfast.v1.WorkflowService.Submit" } as const };
    yield { messageRequest: { case: "fileByFilename", value: "../../etc/passwd" } as const };
  })();
  const answers = await allOf(createClient(ServerReflection, transport).serverReflectionInfo(questions));
  expect(answers.map(({ messageResponse }) => messageResponse.case)).toEqual([
    "listServicesResponse",
    "fileDescriptorResponse",
    "errorResponse",
  ]);
});

test("a watcher of health hears that the service ends", async () => {
  const { address, stop } = await start();
  const seen: number[] = [];
  const watching = (async () => {
    for await (const { status } of createClient(Health, createGrpcTransport({ baseUrl: address })).watch({})) {
      seen.push(status);
      if (seen.length === 1) void stop();
    }
  })();
  await errorOf(watching);
  expect(seen).toEqual([HealthCheckResponse_ServingStatus.SERVING, HealthCheckResponse_ServingStatus.NOT_SERVING]);
});

test("the journal is verified and dumped in bounded slices", async () => {
  const { address } = await start();
  const client = createClient(
    JournalService,
    createConnectTransport({ baseUrl: address, httpVersion: "1.1", interceptors: [bearing(TOKEN)] }),
  );
  const report = await client.verifyJournal({});
  expect([report.batches, report.damage[0]?.seq]).toEqual([3n, 4n]);
  const slices = await allOf(client.dumpJournal({}));
  expect(slices.map(({ lines }) => lines.length)).toEqual([512, 488]);
});

test("violations of the rules are answered all at once, each with its place", async () => {
  const { address, asked } = await start();
  const error = await errorOf(connectClient(address).submit({ requestId: "x", priority: 1_000 }));
  expect(error.code).toBe(Code.InvalidArgument);
  const places = error.findDetails(ErrorDetailsSchema).flatMap((found) => found.places.map(({ place }) => place));
  expect(places).toEqual(["request_id", "definition", "priority"]);
  expect(asked).toEqual([]);
});

test("an ID with ../ in it never reaches the engine", async () => {
  const { address, asked } = await start();
  const error = await errorOf(connectClient(address).status({ workflow: { id: "../../etc/passwd" } }));
  expect(error.code).toBe(Code.InvalidArgument);
  expect(error.rawMessage).toMatch(/workflow\.id: must be an ID or a key/);
  expect(asked).toEqual([]);
});

async function post(address: string, body: string | Uint8Array, headers: Record<string, string> = {}, method = "Status") {
  const response = await fetch(`${address}/holdfast.v1.WorkflowService/${method}`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", ...headers },
    body,
  });
  return { status: response.status, body: await response.text() };
}

const PROTO = { "content-type": "application/proto" };

test("malformed, truncated and unknown content gets a clear error, and the server goes on", async () => {
  const { address, fatal } = await start();
  expect(await post(address, "{")).toMatchObject({ status: 400, body: expect.stringContaining("invalid_argument") });
  expect(await post(address, "[".repeat(10_000))).toMatchObject({ status: 400 });
  const deep = `{"params":{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}}`;
  expect(await post(address, deep, {}, "Submit")).toMatchObject({ status: 400, body: expect.stringContaining("maximum recursion depth") });
  expect(await post(address, `{"workflow":{"id":"a"},"typo":1}`)).toMatchObject({ status: 400, body: expect.stringContaining("typo") });
  const whole = toBinary(StatusRequestSchema, create(StatusRequestSchema, REF));
  const cut = whole.subarray(0, -3);
  expect(await post(address, cut, PROTO)).toMatchObject({ status: 400, body: expect.stringContaining("parse binary") });
  expect(await post(address, cut, PROTO)).toMatchObject({ body: expect.stringMatching(/"invalid_argument".*cut short or damaged/) });
  const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, cut.length]), cut]);
  const overWeb = await post(address, framed, { "content-type": "application/grpc-web+proto" });
  expect(overWeb.body).toMatch(/grpc-status: 3\r\n/);
  const unknownField = Buffer.concat([whole, Buffer.from([0xf8, 0x01, 0x01])]); // field 31, varint
  expect(await post(address, unknownField, PROTO)).toMatchObject({ status: 400, body: expect.stringContaining("does not know (31)") });
  expect(await post(address, "x", { "content-type": "text/plain" })).toMatchObject({ status: 415 });
  expect((await fetch(`${address}/../../etc/passwd`)).status).toBe(404);
  expect(await post(address, JSON.stringify(REF))).toMatchObject({ status: 200 });
  expect(fatal).toEqual([]);
});

test("an oversized body is RESOURCE_EXHAUSTED, plain or compressed, declared or not", async () => {
  const { address } = await start();
  const big = new Uint8Array(REQUEST_BYTES_MAX + 1);
  const tooLarge = { body: expect.stringContaining("resource_exhausted") };
  expect(await post(address, big, PROTO)).toMatchObject(tooLarge);
  expect(await post(address, gzipSync(Buffer.alloc(200_000_000)), { ...PROTO, "content-encoding": "gzip" })).toMatchObject(tooLarge);
  const chunked = await new Promise<string>((resolve, reject) => {
    const request = httpRequest(
      `${address}/holdfast.v1.WorkflowService/Status`,
      { method: "POST", headers: { ...PROTO, authorization: `Bearer ${TOKEN}` } },
      (response) => {
        response.setEncoding("utf8");
        response.once("data", resolve);
      },
    );
    request.on("error", reject);
    request.end(big);
  });
  expect(chunked).toContain("resource_exhausted");
  expect((await connectClient(address).status(REF)).status?.phase).toBe(Phase.RUNNING);
});

function exchange(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, "127.0.0.1");
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(heard));
    socket.write(bytes);
  });
}

test("bytes that are no call cut their own connection only", async () => {
  const { address, port, fatal } = await start();
  const path = "/holdfast.v1.WorkflowService/Status";
  expect(await exchange(port, "\u0000\u0001\u0002 nonsense\r\n\r\n")).toContain("400 Bad Request");
  expect(await exchange(port, `POST ${path} HTTP/1.0\r\n\r\n`)).toContain("400 Bad Request");
  expect(await exchange(port, `POST ${path} HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n`)).toContain("400 Bad Request");
  expect(await exchange(port, `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(100_000)}\r\n\r\n`)).toMatch(/400 Bad Request|431/);
  const garbage = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.alloc(1_000, 0xff)]);
  await exchange(port, garbage);
  expect((await connectClient(address).status(REF)).status?.phase).toBe(Phase.RUNNING);
  expect(fatal).toEqual([]);
});

test("the preface is recognized however it is cut into packets", async () => {
  const { port, address } = await start();
  const socket = connectSocket(port, "127.0.0.1");
  socket.setNoDelay(true);
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  socket.write("PRI * HT");
  await new Promise<void>((resolve) => setTimeout(resolve, 20));
  const session = connectHttp2(address, {
    createConnection: () => {
      const { write } = socket;
      let isFirst = true;
      socket.write = (chunk: never, ...rest: never[]) => {
        const bytes: Buffer = Buffer.from(chunk);
        const cut = isFirst ? bytes.subarray(8) : bytes;
        isFirst = false;
        return Reflect.apply(write, socket, [cut, ...rest]) as boolean;
      };
      return socket;
    },
  });
  session.on("error", () => undefined);
  cleanups.push(() => session.destroy());
  expect(session.destroyed).toBe(false);
});

test("a shutdown ends streams with UNAVAILABLE, lets calls finish, and closes every connection", async () => {
  let enter = (): void => undefined;
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const fake = fakeEngine();
  const { address, stop } = await start({
    status: async (ref) => {
      enter();
      await held;
      return fake.engine.status(ref);
    },
  });
  const ends: Promise<ConnectError>[] = [];
  for (const transport of Object.values(transports(address))) {
    const stream = createClient(WorkflowService, transport).watch(REF)[Symbol.asyncIterator]();
    await stream.next();
    ends.push(errorOf(stream.next()));
  }
  const call = connectClient(address).status(REF);
  await entered;
  const stopped = stop();
  for (const end of ends) expect((await end).code).toBe(Code.Unavailable);
  release();
  expect((await call).status?.phase).toBe(Phase.RUNNING);
  await stopped;
  await expect(fetch(address)).rejects.toThrow("fetch failed");
});

test("a shutdown ends a verification of the journal with UNAVAILABLE, however long that would take", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const verify: ReadJournal["verify"] = async ({ signal = new AbortController().signal }) => {
    begin();
    await once(signal, "abort");
    throw signal.reason;
  };
  const api = await startApi({ journal: { verify } });
  const verifying = errorOf(
    createClient(JournalService, createGrpcTransport({ baseUrl: api.address, interceptors: [bearing(TOKEN)] })).verifyJournal({}),
  );
  await begun;
  const stopped = api.stop();
  expect((await verifying).code).toBe(Code.Unavailable);
  await stopped;
  expect(api.fatal).toEqual([]);
});

test("a client that leaves a stream in the middle ends it, and its place is free for the next, in every protocol", async () => {
  const fake = fakeEngine();
  let left = Promise.withResolvers<void>();
  const watch: EngineFace["watch"] = async function* watch(ref, options) {
    yield* fake.engine.watch(ref, options);
    left.resolve();
  };
  const { address, fatal } = await start({ watch }, { callsPerPrincipal: 1 });
  for (const transport of Object.values(transports(address))) {
    left = Promise.withResolvers<void>();
    const leaving = new AbortController();
    const stream = createClient(WorkflowService, transport).watch(REF, { signal: leaving.signal })[Symbol.asyncIterator]();
    await stream.next();
    leaving.abort();
    expect((await errorOf(stream.next())).code).toBe(Code.Canceled);
    await left.promise;
  }
  expect(fatal).toEqual([]);
});

test("without TLS only loopback addresses are listened on, and a taken port is named", async () => {
  const plain = { hasTls: false };
  expect(parseListen("127.0.0.1:0", plain)).toEqual({ host: "127.0.0.1", port: 0 });
  expect(parseListen("[::1]:7543", plain)).toEqual({ host: "::1", port: 7_543 });
  for (const listen of ["0.0.0.0:1", "[::]:1", "192.168.1.1:7543", "example.org:1", "127.0.0.1.example.org:1"]) {
    expect(() => parseListen(listen, plain)).toThrow(/without TLS.*--tls-cert FILE and --tls-key FILE/);
    expect(parseListen(listen, { hasTls: true }).port).toBeGreaterThan(0);
  }
  for (const listen of ["7543", ":1", "127.0.0.1", "127.0.0.1:99999", "::1:1"]) {
    expect(() => parseListen(listen, { hasTls: true })).toThrow(/HOST:PORT/);
  }
  const { port } = await start();
  const listener = (): void => undefined;
  const again = serve({ listen: `127.0.0.1:${port}`, listener, clock: systemClock, tls: undefined, log: () => undefined });
  await expect(again).rejects.toThrow(/another program listens/);
});
