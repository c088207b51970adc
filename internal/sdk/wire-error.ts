// From an error of the connection or the service to HoldfastError.
// 1. An error that came over the wire keeps the service's code, message and details.
// 2. Anything else that breaks a call is UNAVAILABLE, because the same call may succeed when it is repeated; what cannot succeed so keeps a code
//    that says it. Every call of the service may be repeated.

import { Code, ConnectError } from "@connectrpc/connect";
import { HoldfastError } from "../base/errors.ts";
import type { ErrorCode, ErrorDetail } from "../base/errors.ts";
import { ErrorDetailsSchema } from "../gen/holdfast/v1/error_pb.ts";

const CODES: ReadonlyMap<Code, ErrorCode> = new Map<Code, ErrorCode>([
  [Code.Canceled, "CANCELLED"],
  [Code.InvalidArgument, "INVALID_ARGUMENT"],
  [Code.OutOfRange, "INVALID_ARGUMENT"],
  [Code.DeadlineExceeded, "DEADLINE_EXCEEDED"],
  [Code.NotFound, "NOT_FOUND"],
  [Code.AlreadyExists, "ALREADY_EXISTS"],
  [Code.PermissionDenied, "PERMISSION_DENIED"],
  [Code.Unauthenticated, "UNAUTHENTICATED"],
  [Code.ResourceExhausted, "RESOURCE_EXHAUSTED"],
  [Code.FailedPrecondition, "FAILED_PRECONDITION"],
  [Code.Aborted, "ABORTED"],
  [Code.Unimplemented, "UNIMPLEMENTED"],
  [Code.DataLoss, "DATA_LOSS"],
  [Code.Internal, "ABORTED"], // a bug in the service: repeating the call would meet it again
  [Code.Unknown, "ABORTED"],
]);

/** Codes that an error keeps although it arose on this side of the connection. */
const LOCAL_CODES: ReadonlySet<Code> = new Set([
  Code.Canceled,
  Code.DeadlineExceeded,
  Code.Unimplemented,
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.ResourceExhausted,
]);

/** What Node says when it does not trust the service's certificate, or the service does not trust ours. */
const NOT_TRUSTED =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID|INVALID_CA)$/;
const NOT_ACCEPTED = /^ERR_SSL_(?:TLSV1|TLSV13|SSLV3|SSL)_ALERT_(?!HANDSHAKE_FAILURE|PROTOCOL_VERSION|INTERNAL_ERROR)\w+$/;
const NOT_USABLE = /^ERR_OSSL_\w+$/;
const NOT_TLS = /^(?:ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)$/;

const NOT_CONNECTED: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** The error as the rest of the client knows it. */
export function fromWireError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const connect = ConnectError.from(error);
  if (!connect.isWireError) {
    const refused = tlsError(connect);
    if (refused !== undefined) return refused;
  }
  if (!connect.isWireError && !LOCAL_CODES.has(connect.code)) {
    const what = isNotConnected(connect) ? "the service does not answer" : "the connection to the service broke";
    return new HoldfastError("UNAVAILABLE", `${what} (${reasonOf(connect)})`, { cause: error });
  }
  const code = CODES.get(connect.code) ?? "UNAVAILABLE";
  return new HoldfastError(code, connect.rawMessage, { details: placesOf(connect), cause: error });
}

/** True when the call has certainly not reached the service: no connection was made. */
export function isNotConnected(error: unknown): boolean {
  for (let link: unknown = error; link instanceof Error; link = link.cause) {
    if ("code" in link && NOT_CONNECTED.has(link.code)) return true;
    if (link instanceof AggregateError && link.errors.some(isNotConnected)) return true;
  }
  return false;
}

/** True for an error that the same call, repeated, may not meet again. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof HoldfastError)) return false;
  return error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED" || retryAfterMs(error) !== undefined;
}

/** When the service, which has no room for the call, wants it again; undefined: it did not say. */
export function retryAfterMs({ code, cause }: HoldfastError): number | undefined {
  if (code !== "RESOURCE_EXHAUSTED" || !(cause instanceof ConnectError)) return undefined;
  const text = cause.metadata.get("retry-after") ?? "";
  return /^\d{1,4}$/.test(text) ? Number(text) * 1_000 : undefined;
}

/** An error of TLS, which no repetition mends; undefined for any other. */
function tlsError(connect: ConnectError): HoldfastError | undefined {
  const code = reasonOf(connect);
  const refuse = (message: string): HoldfastError => new HoldfastError("UNAUTHENTICATED", message, { cause: connect });
  if (NOT_TRUSTED.test(code))
    return refuse(`the service's certificate is not to be trusted (${code}); name the CA that signed it with --ca or HOLDFAST_CA`);
  if (NOT_ACCEPTED.test(code))
    return refuse(`the service does not accept this client's certificate (${code}); name one of its client CA with --cert and --cert-key`);
  if (NOT_USABLE.test(code))
    return new HoldfastError(
      "INVALID_ARGUMENT",
      `the client's own certificate and key cannot be used (${code}); look at --cert and --cert-key`,
      {
        cause: connect,
      },
    );
  if (NOT_TLS.test(code))
    return refuse(
      `what answers there does not speak TLS (${code}); use http:// in the address if it is this machine's, or look what listens there`,
    );
  return undefined;
}

/** For an answer that lacks what every service sends: it is not Holdfast, or a much older one. */
export function missing(what: string): HoldfastError {
  return new HoldfastError("UNIMPLEMENTED", `the service's answer lacks ${what}: is this a Holdfast service of the same version?`);
}

function placesOf(error: ConnectError): readonly ErrorDetail[] {
  const places = error.findDetails(ErrorDetailsSchema).flatMap((details) => details.places);
  return places.map(({ place, reason }) => ({ place, reason }));
}

function reasonOf(error: ConnectError): string {
  const codes: string[] = [];
  for (let link: unknown = error; link instanceof Error; link = link.cause) {
    if ("code" in link && typeof link.code === "string") codes.push(link.code);
  }
  return codes.at(-1) ?? error.rawMessage;
}
