// One call on the wire in each of the three protocols, from bytes to bytes: what a library's client would refuse to send is sent here.
// 1. It parses answers: what is no answer of the protocol throws, for that is a fault too.

import { connect } from "node:http2";
import type { ClientHttp2Session } from "node:http2";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

/** The protocols. */
export const PROTOCOLS = ["connect", "grpc", "grpc-web"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What to send. */
export interface WireRequest {
  /** `/holdfast.v1.WorkflowService/Submit` */
  readonly path: string;
  readonly protocol: Protocol;
  readonly codec: "json" | "proto";
  readonly isStream: boolean;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: none is asked for. */
  readonly timeoutMs: number | undefined;
}

/** What came back. */
export interface WireAnswer {
  /** gRPC's number; 0 is success. */
  readonly code: number;
  readonly message: string;
  /** Whole messages, as bytes. */
  readonly messages: readonly Uint8Array[];
}

const CODES: ReadonlyMap<string, number> = new Map(
  "ok canceled unknown invalid_argument deadline_exceeded not_found already_exists permission_denied resource_exhausted failed_precondition aborted out_of_range unimplemented internal unavailable data_loss unauthenticated"
    .split(" ")
    .map((name, code) => [name, code] as const),
);
/** The bit of an envelope's flags. */
const COMPRESSED = 1;
const UNIMPLEMENTED = 12;
const INVALID_ARGUMENT = 3;
/** Statuses of HTTP with which a call is refused before it is one: no such path, method or media type, or no host. */
const REFUSALS: ReadonlyMap<number, number> = new Map([
  [400, INVALID_ARGUMENT],
  [404, UNIMPLEMENTED],
  [405, UNIMPLEMENTED],
  [415, UNIMPLEMENTED],
  [505, UNIMPLEMENTED], // a stream in both directions over HTTP/1.1
]);

/** Makes calls over connections of its own. */
export class WireClient {
  readonly #address: string;
  readonly #token: string;
  #session: ClientHttp2Session | undefined;

  constructor(options: { readonly address: string; readonly token: string }) {
    this.#address = options.address;
    this.#token = options.token;
  }

  /** Sends a request; rejects when what comes back is no answer. */
  call(request: WireRequest): Promise<WireAnswer> {
    return request.protocol === "grpc" ? this.#grpc(request) : this.#http1(request);
  }

  close(): void {
    this.#session?.close();
  }

  async #http1(request: WireRequest): Promise<WireAnswer> {
    const { path, body } = request;
    const response = await fetch(`${this.#address}${path}`, {
      method: "POST",
      headers: headersOf(request, this.#token),
      body: Uint8Array.from(body),
    });
    const answer = Buffer.from(await response.arrayBuffer());
    const isAnswer = (response.headers.get("content-type") ?? "").startsWith("application/");
    if (response.status !== 200 && !isAnswer) return refused(response.status, answer);
    if (request.protocol === "grpc-web") return webAnswer(answer, response.headers);
    return request.isStream ? streamAnswer(answer, response.status) : unaryAnswer(answer, response.status);
  }

  #grpc(request: WireRequest): Promise<WireAnswer> {
    const session = this.#open();
    return new Promise((resolve, reject) => {
      const stream = session.request({ ":method": "POST", ":path": request.path, te: "trailers", ...headersOf(request, this.#token) });
      const chunks: Buffer[] = [];
      let status = 0;
      let said: Readonly<Record<string, unknown>> = {};
      stream.on("response", (headers) => {
        status = Number(headers[":status"]);
        if (headers["grpc-status"] !== undefined) said = headers;
      });
      stream.on("trailers", (headers) => {
        said = headers;
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", (error: Error) => {
        session.destroy(); // the next call begins with a sound one
        reject(error);
      });
      // The answer is whole with its trailers; whether the service reads the rest of what was sent is another matter.
      const answered = (): void => {
        try {
          const bytes = Buffer.concat(chunks);
          resolve(
            status !== 200
              ? refused(status, bytes)
              : grpcAnswer(frames(bytes), text(said["grpc-status"]), text(said["grpc-message"]) ?? ""),
          );
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      stream.on("end", () => {
        answered();
        stream.close();
      });
      stream.on("close", answered);
      stream.end(Buffer.from(request.body));
    });
  }

  #open(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = connect(this.#address);
      this.#session.on("error", () => undefined); // each call on it hears of it
    }
    return this.#session;
  }
}

function headersOf({ protocol, codec, isStream, headers, timeoutMs }: WireRequest, token: string): Record<string, string> {
  const authorization = `Bearer ${token}`;
  if (protocol === "connect") {
    const type = isStream ? `application/connect+${codec}` : `application/${codec}`;
    return {
      authorization,
      "content-type": type,
      "connect-protocol-version": "1",
      ...(timeoutMs === undefined ? {} : { "connect-timeout-ms": String(timeoutMs) }),
      ...headers,
    };
  }
  return {
    authorization,
    "content-type": `application/${protocol}+${codec}`,
    ...(timeoutMs === undefined ? {} : { "grpc-timeout": `${timeoutMs}m` }),
    ...headers,
  };
}

/** The envelope of a message in a stream: flags, length, bytes. */
export function envelope(bytes: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags & 0xff, 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function refused(status: number, body: Buffer): WireAnswer {
  const code = REFUSALS.get(status);
  if (code === undefined) throw new Error(`the status ${status} of HTTP is no answer: ${body.toString("utf8").slice(0, 200)}`);
  return { code, message: body.length === 0 ? `HTTP ${status}` : body.toString("utf8"), messages: [] };
}

function unaryAnswer(body: Buffer, status: number): WireAnswer {
  return status === 200 ? { code: 0, message: "", messages: [body] } : errorAnswer(JSON.parse(body.toString("utf8")));
}

function streamAnswer(body: Buffer, status: number): WireAnswer {
  if (status !== 200) return errorAnswer(JSON.parse(body.toString("utf8")));
  const all = frames(body);
  const end = all.pop();
  if (end === undefined || (end.flags & 2) === 0) throw new Error("the stream ends without its last envelope");
  const { error } = JSON.parse(end.bytes.toString("utf8")) as { error?: unknown };
  const messages = all.map(({ bytes }) => bytes);
  return error === undefined ? { code: 0, message: "", messages } : { ...errorAnswer(error), messages };
}

function errorAnswer(value: unknown): WireAnswer {
  const { code = "", message = "" } = value as { code?: string; message?: string };
  const number = CODES.get(code);
  if (number === undefined) throw new Error(`the code ${JSON.stringify(code)} is none of the protocol's`);
  return { code: number, message, messages: [] };
}

function webAnswer(body: Buffer, headers: Headers): WireAnswer {
  const status = headers.get("grpc-status");
  if (status !== null) return grpcAnswer(frames(body), status, headers.get("grpc-message") ?? "");
  const all = frames(body);
  const end = all.pop();
  if (end === undefined || (end.flags & 0x80) === 0) throw new Error("the answer ends without trailers");
  const trailers = new Map(
    end.bytes
      .toString("utf8")
      .split("\r\n")
      .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return grpcAnswer(all, trailers.get("grpc-status"), trailers.get("grpc-message") ?? "");
}

function grpcAnswer(all: readonly Frame[], status: string | undefined, message: string): WireAnswer {
  if (status === undefined || !/^\d+$/.test(status))
    throw new Error(`the answer ends without a status of gRPC, but with ${String(status)}`);
  return { code: Number(status), message: decodeURIComponent(message), messages: all.map(({ bytes }) => bytes) };
}

interface Frame {
  readonly flags: number;
  readonly bytes: Buffer;
}

function frames(body: Buffer): Frame[] {
  const all: Frame[] = [];
  for (let at = 0; at < body.length;) {
    if (body.length < at + 5) throw new Error("an envelope is cut short");
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (body.length < end) throw new Error("a message is cut short");
    const flags = body.readUInt8(at);
    const bytes = body.subarray(at + 5, end);
    all.push({ flags, bytes: (flags & COMPRESSED) === 0 ? bytes : unpacked(bytes) });
    at = end;
  }
  return all;
}

/** The service compresses as the request said, in gzip or brotli; only one of them fits. */
function unpacked(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes);
  } catch {
    return brotliDecompressSync(bytes);
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
