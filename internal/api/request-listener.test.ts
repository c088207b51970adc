// Answers that come before the body of their call was read.

import { once } from "node:events";
import { connect, constants } from "node:http2";
import { expect, onTestFinished, test } from "vitest";
import { ADMIN_TOKEN, startApi } from "../../test/fakes/api-server.ts";
import { API_REQUEST_MS_MAX, API_SHUTDOWN_MS_MAX, COMPLETION_REQUEST_BYTES_MAX } from "../base/limits.ts";
import type { Clock } from "../engine/ports.ts";
import { systemClock } from "../system/clock.ts";

const COMPLETE = { ":method": "POST", ":path": "/holdfast.v1.CompletionService/CompleteByToken", "content-type": "application/json" };
const STATUS = { ":method": "POST", ":path": "/holdfast.v1.WorkflowService/Status", authorization: `Bearer ${ADMIN_TOKEN}` };
const TOO_LARGE = Buffer.alloc(2 * COMPLETION_REQUEST_BYTES_MAX, " ");
/** A message of 4 GiB begins. */
const TOO_LARGE_ENVELOPE = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0]);

/** What `promise` says in good time, or that it says nothing. */
function inTime<T>(promise: Promise<T>): Promise<T | "nothing"> {
  return Promise.race([promise, new Promise<"nothing">((resolve) => systemClock.after(3_000, () => resolve("nothing")))]);
}

test("over HTTP/2 a body that is too large is not waited for: its stream is closed once its answer is written", async () => {
  const api = await startApi();
  onTestFinished(() => api.stop());
  const session = connect(api.address);
  onTestFinished(() => session.destroy());
  const ask = async (headers: Readonly<Record<string, string>>, body: Buffer) => {
    const call = session.request(headers);
    let said = "";
    call.on("data", (chunk: Buffer) => (said += chunk.toString()));
    call.on("trailers", (trailers) => (said += String(trailers["grpc-status"])));
    call.write(body);
    const code = await inTime(once(call, "close").then(() => call.rstCode)); // its body has no end
    return { said, code };
  };
  const tooLarge = expect.stringMatching(/resource_exhausted|grpc-status: 8|^8$/u);
  const none = constants.NGHTTP2_NO_ERROR;
  expect(await ask(COMPLETE, TOO_LARGE)).toEqual({ said: tooLarge, code: none });
  for (const kind of ["application/grpc", "application/grpc-web+proto"])
    expect(await ask({ ...STATUS, "content-type": kind, te: "trailers" }, TOO_LARGE_ENVELOPE)).toEqual({ said: tooLarge, code: none });
});

test("over HTTP/2 an answer that its client neither takes nor waits for is not kept", async () => {
  const overdue = new Set<() => void>();
  const after: Clock["after"] = (ms, callback) => {
    if (ms !== API_REQUEST_MS_MAX && ms !== API_SHUTDOWN_MS_MAX) return systemClock.after(ms, callback);
    if (ms === API_REQUEST_MS_MAX) overdue.add(callback);
    return () => void overdue.delete(callback);
  };
  const api = await startApi({ serverClock: { ...systemClock, after } });
  const session = connect(api.address, { settings: { initialWindowSize: 0 } });
  onTestFinished(() => session.destroy());
  const call = session.request(COMPLETE);
  call.write(TOO_LARGE);
  await once(call, "response");
  call.close(constants.NGHTTP2_NO_ERROR);
  await new Promise((resolve) => session.ping(resolve)); // what was sent before it has come
  for (const callback of overdue) callback();
  expect(await inTime(api.stop().then(() => "ended"))).toBe("ended"); // nothing cuts what is left
});
