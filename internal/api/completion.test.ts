// Completions as the outside makes them: plain HTTP with JSON, no principal's token, and room of their own.

import { once } from "node:events";
import { connect } from "node:http2";
import { expect, onTestFinished, test } from "vitest";
import { startApi } from "../../test/fakes/api-server.ts";
import { HoldfastError } from "../base/errors.ts";
import {
  API_COMPLETION_CALLS_MAX,
  API_COMPLETION_CALLS_QUEUED_MAX,
  API_REQUEST_MS_MAX,
  COMPLETION_REQUEST_BYTES_MAX,
} from "../base/limits.ts";
import type { EngineFace, TokenAnswer } from "../engine/face.ts";
import type { Clock } from "../engine/ports.ts";
import { systemClock } from "../system/clock.ts";

async function start(completeByToken: EngineFace["completeByToken"]) {
  const api = await startApi({ engine: { completeByToken } });
  onTestFinished(() => api.stop());
  return async (method: string, body: string, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await fetch(`${api.address}/holdfast.v1.CompletionService/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    return `${answer.status} ${await answer.text()}`;
  };
}

test("a plain POST with JSON and the token alone completes, and fails", async () => {
  const said: [string, TokenAnswer][] = [];
  const post = await start(async (token, answer) => void said.push([token, answer]));
  expect(await post("CompleteByToken", '{"token":"hfc1.x","data":{"route":[1,"a"]}}')).toBe("200 {}");
  expect(await post("CompleteByToken", '{"token":"hfc1.x"}', { authorization: "Bearer nobody" })).toBe("200 {}");
  expect(await post("FailByToken", '{"token":"hfc1.x","reason":"no road"}')).toBe("200 {}");
  expect(said).toEqual([
    ["hfc1.x", { failed: false, reason: "", data: { route: [1, "a"] } }],
    ["hfc1.x", { failed: false, reason: "", data: {} }],
    ["hfc1.x", { failed: true, reason: "no road", data: {} }],
  ]);
});

test("what is refused is told apart by its status, and an odd body never reaches the engine", async () => {
  const refusal = new HoldfastError("PERMISSION_DENIED", "this service made no such token");
  const post = await start(() => Promise.reject(refusal));
  expect(await post("CompleteByToken", '{"token":"hfc1.x"}')).toMatch(/^403 .*permission_denied.*no such token/);
  expect(await post("CompleteByToken", '{"token":""}')).toMatch(/^400 .*invalid_argument/);
  expect(await post("CompleteByToken", '{"token":"x","more":1}')).toMatch(/^400 /);
  expect(await post("FailByToken", '{"token":"x","reason":""}')).toMatch(/^400 /);
  const large = JSON.stringify({ token: "x", data: { text: "x".repeat(COMPLETION_REQUEST_BYTES_MAX) } });
  expect(await post("CompleteByToken", large)).toMatch(/resource_exhausted|invalid_argument/);
});

test("beyond their room calls are turned away, with a hint when to come again", async () => {
  const free: (() => void)[] = [];
  const post = await start(() => new Promise((resolve) => void free.push(resolve)));
  const room = API_COMPLETION_CALLS_MAX + API_COMPLETION_CALLS_QUEUED_MAX;
  const calls = Array.from({ length: room + 1 }, () => post("CompleteByToken", '{"token":"x"}'));
  const first = await Promise.race(calls);
  expect(first).toMatch(/^429 .*resource_exhausted/);
  let answered = 0;
  for (const call of calls) void call.then(() => (answered += 1));
  while (answered < calls.length) {
    for (const answer of free.splice(0)) answer();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
});

test("who opens calls over HTTP/2 and never ends them is cut in time, and the room is for others again", async () => {
  const overdue: (() => void)[] = [];
  const after: Clock["after"] = (delayMs, callback) => {
    if (delayMs !== API_REQUEST_MS_MAX) return systemClock.after(delayMs, callback);
    overdue.push(callback);
    return () => undefined;
  };
  const api = await startApi({ engine: { completeByToken: () => Promise.resolve() }, serverClock: { ...systemClock, after } });
  onTestFinished(() => api.stop());
  const session = connect(api.address);
  onTestFinished(() => session.destroy());
  const path = "/holdfast.v1.CompletionService/CompleteByToken";
  const headers = { ":method": "POST", ":path": path, "content-type": "application/json" };
  const stalled = Array.from({ length: API_COMPLETION_CALLS_MAX }, () => session.request(headers, { endStream: false }));
  for (const stream of stalled) stream.on("error", () => undefined);
  while (overdue.length < stalled.length) await new Promise<void>((resolve) => setImmediate(resolve));
  const post = fetch(`${api.address}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: "x" }),
  });
  const closed = Promise.all(stalled.map((stream) => once(stream, "close")));
  for (const cut of overdue) cut();
  await closed;
  expect((await post).status).toBe(200);
});
