import { gzipSync } from "node:zlib";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError, createConnectRouter, createContextValues } from "@connectrpc/connect";
import type { ConnectRouterOptions, HandlerContext } from "@connectrpc/connect";
import { compressionGzip } from "@connectrpc/connect-node";
import { createAsyncIterable, encodeEnvelope } from "@connectrpc/connect/protocol";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { expect, test } from "vitest";
import { present } from "../base/assert.ts";
import { ErrorDetailsSchema } from "../gen/holdfast/v1/error_pb.ts";
import { WorkflowStatusSchema } from "../gen/holdfast/v1/status_pb.ts";
import { WatchRequestSchema, WatchResponseSchema, WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";
import type { WatchResponse } from "../gen/holdfast/v1/workflow_service_pb.ts";
import { createDirectStreams, handOver } from "./direct-stream.ts";

const WIRE = {
  readMaxBytes: 10_000,
  writeMaxBytes: 50_000,
  compressMinBytes: 1_000,
  acceptCompression: [compressionGzip],
  jsonOptions: { ignoreUnknownFields: false },
};

const TYPES = ["connect", "grpc", "grpc-web"].flatMap((name) => [`application/${name}+proto`, `application/${name}+json`]);
const METHOD = WorkflowService.method.watch;

type Watch = (context: HandlerContext) => AsyncIterable<WatchResponse>;

/** The handler as Connect makes it, and the one that takes its messages past it. */
function handlers(watch: Watch, options: ConnectRouterOptions = {}): { readonly own: UniversalHandler; readonly direct: UniversalHandler } {
  const make = (impl: Watch): UniversalHandler =>
    present(createConnectRouter({ ...WIRE, ...options }).rpc(METHOD, (_request, context) => impl(context)).handlers[0], "a handler");
  return { own: make(watch), direct: createDirectStreams(WIRE)(make((context) => handOver(watch(context), context))) };
}

interface Asked {
  readonly type: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
  readonly signal?: AbortSignal;
  readonly method?: string;
}

function callOf({ type, header = {}, body, signal = new AbortController().signal, method = "POST" }: Asked): UniversalServerRequest {
  const url = `http://localhost/${WorkflowService.typeName}/Watch`;
  const all = new Headers({ "content-type": type, ...header });
  const frames = body ?? [encodeEnvelope(0, requestBytes(type))];
  return {
    httpVersion: "2.0",
    method,
    url,
    header: all,
    body: createAsyncIterable([...frames]),
    signal,
    contextValues: createContextValues(),
  };
}

function requestBytes(type: string): Uint8Array {
  const request = create(WatchRequestSchema, { workflow: { id: "a" } });
  return type.endsWith("json") ? Buffer.from(toJsonString(WatchRequestSchema, request)) : toBinary(WatchRequestSchema, request);
}

function message(seq: number, bytes = 0): WatchResponse {
  return create(WatchResponseSchema, { seq: BigInt(seq), status: create(WorkflowStatusSchema, { error: "e".repeat(bytes) }) });
}

/** All that a client would see. */
async function seen(handler: UniversalHandler, asked: Asked) {
  const answer = await handler(callOf(asked));
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body ?? []) chunks.push(chunk);
  const bytes = Buffer.concat(chunks).toString("latin1");
  return { status: answer.status, header: [...(answer.header ?? [])], bytes, trailer: answer.trailer && [...answer.trailer] };
}

async function checkSame(watch: Watch, asked: Omit<Asked, "type"> = {}, options: ConnectRouterOptions = {}): Promise<string[]> {
  const { own, direct } = handlers(watch, options);
  const bytes: string[] = [];
  for (const type of TYPES) {
    for (const encoding of ["identity", "gzip"]) {
      const header = { "connect-accept-encoding": encoding, "grpc-accept-encoding": encoding, ...asked.header };
      const expected = await seen(own, { ...asked, type, header });
      expect(await seen(direct, { ...asked, type, header }), `${type}, ${encoding}`).toEqual(expected);
      bytes.push(expected.bytes);
    }
  }
  return bytes;
}

const placed = new ConnectError("refused", Code.FailedPrecondition, { "x-why": "so" }, [
  { desc: ErrorDetailsSchema, value: { places: [{ place: "a", reason: "b" }] } },
]);

test("messages and the end are byte for byte those of Connect's own handler, in every protocol, codec and compression", async () => {
  const bytes = await checkSame(async function* watch() {
    yield message(1);
    yield message(2, 20_000);
    yield message(3);
  });
  expect(bytes.every((text) => text.length > 40)).toBe(true);
  await checkSame(async function* watch() {});
});

test("an error is told as Connect tells it: before the first message, in the middle, with its places, of no known kind, of a message that is too large", async () => {
  for (const error of [placed, new Error("secret")]) {
    for (const count of [0, 2]) {
      const bytes = await checkSame(async function* watch() {
        for (let seq = 0; seq < count; seq++) yield message(seq);
        throw error;
      });
      for (const text of bytes) expect(text).not.toContain("secret");
    }
  }
  await checkSame(async function* watch() {
    yield message(1);
    yield message(2, 60_000);
  });
});

test("what Connect refuses is its own answer", async () => {
  let calls = 0;
  const watch: Watch = async function* never() {
    calls++;
    yield message(1);
  };
  const frame = encodeEnvelope(0, Buffer.from("{}"));
  await checkSame(watch, { header: { "content-type": "application/octet-stream" } });
  await checkSame(watch, { header: { "connect-content-encoding": "zip", "grpc-encoding": "zip" } });
  await checkSame(watch, { header: { "connect-timeout-ms": "soon", "grpc-timeout": "soon" } });
  await checkSame(watch, { method: "PUT" });
  await checkSame(watch, { body: [] });
  await checkSame(watch, { body: [frame, frame] });
  await checkSame(watch, { body: [encodeEnvelope(0, Buffer.alloc(20_000))] });
  await checkSame(watch, { body: [encodeEnvelope(1, gzipSync("{}"))] });
  await checkSame(watch, {}, { requestGate: () => Promise.reject(placed) });
  expect(calls).toBe(0);
});

test("a message that many streams send is encoded once for each codec", async () => {
  const shared = message(1);
  const { direct } = handlers(async function* watch() {
    yield shared;
  });
  for (const kind of ["proto", "json"]) {
    const frames = new Set<unknown>();
    for (const name of ["connect", "grpc", "grpc-web"]) {
      const { body } = await direct(callOf({ type: `application/${name}+${kind}` }));
      frames.add((await body?.[Symbol.asyncIterator]().next())?.value);
    }
    expect(frames.size).toBe(1);
  }
});

/** A stream of numbered messages without end, and what becomes of it. */
function endless() {
  const seenOf = { sent: 0, isLeft: false, signal: new AbortController().signal };
  const watch: Watch = async function* watch({ signal }) {
    seenOf.signal = signal;
    try {
      for (;;) yield message(seenOf.sent++);
    } finally {
      seenOf.isLeft = true;
    }
  };
  return { seenOf, ...handlers(watch) };
}

test("a message is asked for when the one before is written; a reader that leaves, or breaks, ends the stream and its call", async () => {
  for (const leave of ["return", "throw"] as const) {
    const { seenOf, direct } = endless();
    const { body } = await direct(callOf({ type: "application/grpc+proto" }));
    const reading = present(body, "a body")[Symbol.asyncIterator]();
    for (let count = 1; count <= 3; count++) {
      await reading.next();
      expect(seenOf.sent).toBe(count);
    }
    expect([seenOf.isLeft, seenOf.signal.aborted]).toEqual([false, false]);
    await reading[leave]?.(new Error("broken"));
    await reading.return?.();
    expect([leave, seenOf.isLeft, seenOf.signal.aborted]).toEqual([leave, true, true]);
  }
});

test("a stream that waits hears that its call is over, and ends with the reason", async () => {
  for (const type of TYPES) {
    const { own, direct } = handlers(async function* watch({ signal }) {
      yield message(1);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      throw ConnectError.from(signal.reason);
    });
    const ends: string[] = [];
    for (const handler of [own, direct]) {
      const call = new AbortController();
      const { body } = await handler(callOf({ type, signal: call.signal }));
      const reading = present(body, "a body")[Symbol.asyncIterator]();
      await reading.next();
      const end = reading.next();
      call.abort(new ConnectError("the service ends", Code.Unavailable));
      ends.push(String((await end).value));
    }
    expect(ends[1]).toBe(ends[0]);
  }
});
