// Server streams without Connect's chain of generators, which costs each stream 25 KB and each message a dozen promises: Connect opens a call and
// ends it, what lies between goes straight to the wire.
// 1. Connect judges the request, asks the gate, passes the interceptors and reads the message, as for every call. What it refuses is its own answer.
// 2. Messages have the bytes, the bounds and the compression that Connect would give them; one that many streams send is encoded once for all.
// 3. The end, with its error or without, is told by Connect's own handler for the protocol of the call.

import { create, isMessage } from "@bufbuild/protobuf";
import type { DescMethod, DescMethodServerStreaming, JsonReadOptions, Message } from "@bufbuild/protobuf";
import { createConnectRouter, createContextKey, createContextValues } from "@connectrpc/connect";
import type { HandlerContext } from "@connectrpc/connect";
import { compressedFlag, createAsyncIterable, createMethodSerializationLookup, encodeEnvelope } from "@connectrpc/connect/protocol";
import type { Compression, UniversalHandler, UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { headerStreamAcceptEncoding, headerStreamEncoding } from "@connectrpc/connect/protocol-connect";
import { headerAcceptEncoding, headerEncoding } from "@connectrpc/connect/protocol-grpc";
import { assert } from "../base/assert.ts";

/** Before each message: its flags and its length. */
const ENVELOPE_BYTES = 5;

/** What holds for the messages of all services. */
export interface WireOptions {
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  readonly compressMinBytes: number;
  readonly acceptCompression: Compression[];
  readonly jsonOptions: Partial<JsonReadOptions>;
}

/** Connect's context of a call, which it ends itself where it answers to the end. */
export interface EndableContext extends HandlerContext {
  readonly abort: (reason?: unknown) => void;
}

interface Taken {
  readonly context: EndableContext;
  readonly messages: AsyncIterable<object>;
}

const takeKey = createContextKey<((taken: Taken) => void) | undefined>(undefined, { description: "takes the messages of a stream" });
const faultKey = createContextKey<Error | undefined>(undefined, { description: "how a stream ends" });

/** What a handler gives to Connect: the messages, or nothing ever where they are taken past it. Connect's part of the call is then forgotten. */
export function handOver<O extends object>(messages: AsyncIterable<O>, context: HandlerContext): AsyncIterable<O> {
  const take = context.values.get(takeKey);
  if (take === undefined) return messages;
  assert(hasAbort(context), "the context that Connect gives to a handler is the one that it ends");
  take({ context, messages });
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) };
}

/** True for every context that Connect makes for a call. */
export function hasAbort(context: HandlerContext): context is EndableContext {
  return "abort" in context && typeof context.abort === "function";
}

/** Takes the messages of a handler's server streams past Connect; other handlers stay as they are. */
export function createDirectStreams(options: WireOptions): (handler: UniversalHandler) => UniversalHandler {
  return (handler) => {
    const { method } = handler;
    if (!isServerStream(method)) return handler;
    const wires = createWires(method, options);
    return Object.assign((call: UniversalServerRequest) => answerOf(handler, call, wires), handler);
  };
}

function isServerStream(method: DescMethod): method is DescMethod & DescMethodServerStreaming {
  return method.methodKind === "server_streaming";
}

async function answerOf(handler: UniversalHandler, call: UniversalServerRequest, wires: Wires): Promise<UniversalServerResponse> {
  const opening = Promise.withResolvers<Taken>();
  const contextValues = (call.contextValues ?? createContextValues()).set(takeKey, opening.resolve);
  const first = await Promise.race([handler({ ...call, contextValues }), opening.promise]);
  return "messages" in first ? streamOf(first, wires) : first;
}

/** The answer to a call that was opened; its trailer is there when its body is at its end. It holds no more of the call than it needs. */
function streamOf({ context: { abort, responseHeader }, messages }: Taken, wires: Wires): UniversalServerResponse {
  const wire = wires(responseHeader);
  const answer: UniversalServerResponse = { status: 200, header: responseHeader };
  answer.body = (async function* body(): AsyncGenerator<Uint8Array> {
    let fault: Error | undefined;
    try {
      for await (const message of messages) yield await wire.frameOf(message);
    } catch (error) {
      fault = error instanceof Error ? error : new Error("a stream threw what is no error", { cause: error });
    } finally {
      abort(fault);
    }
    const { trailer, chunks } = await wire.endOf(fault);
    if (trailer !== undefined) answer.trailer = trailer;
    yield* chunks;
  })();
  return answer;
}

/** How streams of one protocol, codec and compression look. */
interface Wire {
  readonly frameOf: (message: object) => Uint8Array | Promise<Uint8Array>;
  readonly endOf: (fault: Error | undefined) => Promise<End>;
}

interface End {
  readonly chunks: readonly Uint8Array[];
  readonly trailer: Headers | undefined;
}

/** The wire of an answer with these headers: there are no more of them than protocols, codecs and compressions. */
type Wires = (responseHeader: Headers) => Wire;

function createWires(method: DescMethodServerStreaming, options: WireOptions): Wires {
  const codecs = createMethodSerializationLookup(method, undefined, options.jsonOptions, options);
  const [binary, json] = [createFrames(method, codecs.getO(true)), createFrames(method, codecs.getO(false))];
  const ending = endingOf(method, options);
  const wires = new Map<string, Wire>();
  return (header) => {
    const type = header.get("content-type") ?? "";
    const encoding = header.get(headerStreamEncoding) ?? header.get(headerEncoding) ?? "";
    const key = `${type} ${encoding}`;
    const wire = wires.get(key) ?? createWire({ frames: isBinary(type) ? binary : json, ending, type, encoding }, options);
    wires.set(key, wire);
    return wire;
  };
}

function isBinary(contentType: string): boolean {
  return contentType.endsWith("+proto");
}

interface WireParts {
  readonly frames: (message: object) => Uint8Array;
  readonly ending: UniversalHandler;
  readonly type: string;
  readonly encoding: string;
}

interface Ending {
  readonly type: string;
  readonly encoding: string;
  readonly fault: Error | undefined;
}

function createWire({ frames, ending, type, encoding }: WireParts, { acceptCompression, compressMinBytes }: WireOptions): Wire {
  const compression = acceptCompression.find(({ name }) => name === encoding);
  const tell = (fault?: Error): Promise<End> => endFrom(ending, { type, encoding, fault });
  let good: Promise<End> | undefined;
  return {
    frameOf(message) {
      const frame = frames(message);
      const data = frame.subarray(ENVELOPE_BYTES);
      if (compression === undefined || data.length < compressMinBytes) return frame;
      return compression.compress(data).then((bytes) => encodeEnvelope(compressedFlag, bytes));
    },
    endOf: (fault) => (fault === undefined ? (good ??= tell()) : tell(fault)),
  };
}

/** A message is encoded once, however many streams send it. */
function createFrames(method: DescMethodServerStreaming, codec: { serialize: (message: Message) => Uint8Array }): WireParts["frames"] {
  const known = new WeakMap<object, Uint8Array>();
  return (message) => {
    const seen = known.get(message);
    if (seen !== undefined) return seen;
    const whole = isMessage(message) ? message : create(method.output, { ...message });
    const frame = encodeEnvelope(0, codec.serialize(whole));
    known.set(message, frame);
    return frame;
  };
}

/** Answers any request with the end that its context's values hold. */
function endingOf(method: DescMethodServerStreaming, options: WireOptions): UniversalHandler {
  const router = createConnectRouter(options).rpc(method, (_request, { values }) => endWith(values.get(faultKey)));
  const [handler] = router.handlers;
  assert(handler !== undefined, "a router has a handler for each method that it was given");
  return handler;
}

function endWith(fault: Error | undefined): AsyncIterable<never> {
  const next = async (): Promise<IteratorResult<never>> => {
    if (fault !== undefined) throw fault;
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

async function endFrom(ending: UniversalHandler, { type, encoding, fault }: Ending): Promise<End> {
  const { trailer, body = [] } = await ending({
    httpVersion: "2.0",
    method: "POST",
    url: `http://localhost${ending.requestPath}`,
    header: new Headers({ "content-type": type, [headerStreamAcceptEncoding]: encoding, [headerAcceptEncoding]: encoding }),
    body: createAsyncIterable([encodeEnvelope(0, Buffer.from(isBinary(type) ? "" : "{}"))]),
    signal: new AbortController().signal,
    contextValues: createContextValues().set(faultKey, fault),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return { chunks, trailer };
}
