// Errors on the wire: what a message quotes of a request is carried by every protocol, or cut until it can be.

import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { API_ERROR_MESSAGE_BYTES_MAX, API_ERROR_PLACES_BYTES_MAX } from "../base/limits.ts";
import { ErrorDetailsSchema } from "../gen/holdfast/v1/error_pb.ts";
import { blameSender } from "./parse-blame.ts";
import { toConnectError } from "./wire-error.ts";

function sent(message: string, details: readonly { readonly place: string; readonly reason: string }[] = []) {
  const error = toConnectError(new HoldfastError("INVALID_ARGUMENT", message, { details }));
  return { message: error.rawMessage, places: error.findDetails(ErrorDetailsSchema).flatMap(({ places }) => places) };
}

test("a message at the bound is whole, one beyond it is cut and says so, between characters", () => {
  const whole = "é".repeat(API_ERROR_MESSAGE_BYTES_MAX / 2);
  expect(sent(whole).message).toBe(whole);
  const { message } = sent(`${whole}é`);
  expect(message).toMatch(/^é+…$/);
  expect(Buffer.byteLength(message)).toBeGreaterThan(API_ERROR_MESSAGE_BYTES_MAX - 4);
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(API_ERROR_MESSAGE_BYTES_MAX);
});

test("half a surrogate pair is replaced: gRPC's status cannot carry it", () => {
  expect(sent("a\ud800b", [{ place: "x\udfff", reason: "r\ud800" }])).toMatchObject({
    message: "a\ufffdb",
    places: [{ place: "x\ufffd", reason: "r\ufffd" }],
  });
});

test("places are carried in order, as many as there is room for", () => {
  const reason = "r".repeat(1_020);
  const places = Array.from({ length: 100 }, (_, index) => ({ place: `p${String(index).padStart(3, "0")}`, reason }));
  expect(sent("m", places).places.map(({ place }) => place)).toEqual(
    places.slice(0, API_ERROR_PLACES_BYTES_MAX / 1_024).map(({ place }) => place),
  );
});

test.each([
  ["parse binary: premature EOF", Code.InvalidArgument],
  ["received compressed envelope, but do not know how to decompress", Code.InvalidArgument],
  ["decompression failed", Code.InvalidArgument],
  ["internal error", Code.Internal],
])("the library's INTERNAL error %j is answered with code %i", (text, code) => {
  const ending = new AbortController();
  blameSender({ signal: ending.signal });
  const error = new ConnectError(text, Code.Internal);
  ending.abort(error);
  expect(error.code).toBe(code);
});

test("what the library quotes of a request is carried too", () => {
  const ending = new AbortController();
  blameSender({ signal: ending.signal });
  const error = new ConnectError(`key "${"\ud800".repeat(100_000)}" is unknown`, Code.InvalidArgument);
  ending.abort(error);
  expect(error.rawMessage.isWellFormed()).toBe(true);
  expect(Buffer.byteLength(error.rawMessage)).toBeLessThanOrEqual(API_ERROR_MESSAGE_BYTES_MAX);
});
