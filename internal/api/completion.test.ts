// Completions as the outside makes them: plain HTTP with JSON, no principal's token, and room of their own.

import { once } from "node:events";
import { connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { startApi } from "../../test/fakes/api-server.ts";
import { present } from "../base/assert.ts";
import { HoldfastError } from "../base/errors.ts";
import {
  API_COMPLETION_CALLS_MAX,
  API_COMPLETION_CALLS_QUEUED_MAX,
  API_COMPLETION_SHARE_OF_ADDRESS_MAX,
  API_PUBLIC_BODY_MS_MAX,
  API_REQUEST_MS_MAX,
  COMPLETION_REQUEST_BYTES_MAX,
} from "../base/limits.ts";
import type { EngineFace, TokenAnswer } from "../engine/face.ts";
import type { Clock } from "../engine/ports.ts";
import { systemClock } from "../system/clock.ts";

/** Those that are worked on, and those that wait besides: from one address. */
const PLACES_OF_ADDRESS = API_COMPLETION_CALLS_MAX * API_COMPLETION_SHARE_OF_ADDRESS_MAX;
const ROOM_OF_ADDRESS = (API_COMPLETION_CALLS_MAX + API_COMPLETION_CALLS_QUEUED_MAX) * API_COMPLETION_SHARE_OF_ADDRESS_MAX;
const PATH = "/holdfast.v1.CompletionService/CompleteByToken";
const JSON_TOKEN = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token: "x" }) };

/** A clock on which what is to happen after so long happens when the test says so. */
function clockAt(ms: number): { readonly overdue: Set<() => void>; readonly after: Clock["after"] } {
  const overdue = new Set<() => void>();
  const after: Clock["after"] = (delayMs, callback) => {
    if (delayMs !== ms) return systemClock.after(delayMs, callback);
    overdue.add(callback);
    return () => void overdue.delete(callback);
  };
  return { overdue, after };
}

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
  const calls = Array.from({ length: ROOM_OF_ADDRESS + 1 }, () => post("CompleteByToken", '{"token":"x"}'));
  const first = await Promise.race(calls);
  expect(first).toMatch(/^429 .*resource_exhausted/);
  let answered = 0;
  for (const call of calls) void call.then(() => (answered += 1));
  while (answered < calls.length) {
    for (const answer of free.splice(0)) answer();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
});

test("who sends his bodies byte by byte is told so in time, and the room is for others again", async () => {
  const { overdue, after } = clockAt(API_PUBLIC_BODY_MS_MAX);
  const api = await startApi({ engine: { completeByToken: () => Promise.resolve() }, serverClock: { ...systemClock, after } });
  onTestFinished(() => api.stop());
  const slow = Array.from({ length: PLACES_OF_ADDRESS }, () => {
    const socket = connectSocket(api.port, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"to`);
    onTestFinished(() => void socket.destroy());
    return socket;
  });
  await expect.poll(() => overdue.size).toBe(slow.length);
  const first = present(slow[0], "a socket");
  first.end('ken":"x"}'); // this one came whole in time, and is not cut
  expect(await text(first)).toContain("200 OK");
  await expect.poll(() => overdue.size).toBe(slow.length - 1);
  const posts = [1, 2].map(() => fetch(`${api.address}${PATH}`, JSON_TOKEN));
  for (const cut of overdue) cut();
  for (const socket of slow.slice(1)) {
    const [answer]: readonly unknown[] = await once(socket, "data");
    expect(String(answer)).toMatch(/504 [^]*deadline_exceeded.*did not come whole within 5 s/);
  }
  expect((await Promise.all(posts)).map(({ status }) => status)).toEqual([200, 200]);
});

test("who holds all of the room that one address has, and asks for more, leaves room for those at other addresses", async () => {
  const api = await startApi({ engine: { completeByToken: () => Promise.resolve() } });
  onTestFinished(() => api.stop());
  const begin = (localAddress: string, body: string): Socket => {
    const socket = connectSocket({ port: api.port, host: "127.0.0.1", localAddress });
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n${body}`,
    );
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const slow = Array.from({ length: ROOM_OF_ADDRESS + 1 }, () => begin("127.0.0.1", '{"to'));
  const answers = await Promise.race(slow.map((socket) => text(socket)));
  expect(answers).toMatch(/429 [^]*callers without a token at 127\.0\.0\.1/);
  expect(await text(begin("127.0.0.2", '{"token":"x"}'))).toContain("200 OK");
});

test.each(["cut", "too large"])("the connection of a body that was %s serves the next call", async (how) => {
  const { overdue, after } = clockAt(API_PUBLIC_BODY_MS_MAX);
  const api = await startApi({ engine: { completeByToken: () => Promise.resolve() }, serverClock: { ...systemClock, after } });
  onTestFinished(() => void api.stop()); // a connection that stands still would hold it up
  const socket = connectSocket(api.port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let answers = "";
  socket.on("data", (bytes) => (answers += String(bytes)));
  const head = `POST ${PATH} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`;
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  socket.write(`${head}transfer-encoding: chunked\r\n\r\n`);
  await expect.poll(() => overdue.size).toBe(1);
  if (how === "cut") for (const cut of overdue) cut();
  else socket.write(chunk.repeat(1 + COMPLETION_REQUEST_BYTES_MAX / 0x10000));
  await expect.poll(() => answers).toMatch(how === "cut" ? "deadline_exceeded" : "resource_exhausted");
  socket.write(`${chunk.repeat(10)}0\r\n\r\n${head}content-length: 13\r\n\r\n{"token":"x"}`);
  await expect.poll(() => answers).toContain("200 OK");
});

test("who opens calls over HTTP/2 and never ends them is cut in time, and the room is for others again", async () => {
  const { overdue, after } = clockAt(API_REQUEST_MS_MAX);
  const api = await startApi({ engine: { completeByToken: () => Promise.resolve() }, serverClock: { ...systemClock, after } });
  onTestFinished(() => api.stop());
  const session = connect(api.address);
  onTestFinished(() => session.destroy());
  const headers = { ":method": "POST", ":path": PATH, "content-type": "application/json" };
  const stalled = Array.from({ length: PLACES_OF_ADDRESS }, () => session.request(headers, { endStream: false }));
  for (const stream of stalled) stream.on("error", () => undefined);
  while (overdue.size < stalled.length) await new Promise<void>((resolve) => setImmediate(resolve));
  const post = fetch(`${api.address}${PATH}`, JSON_TOKEN);
  const closed = Promise.all(stalled.map((stream) => once(stream, "close")));
  for (const cut of overdue) cut();
  await closed;
  expect((await post).status).toBe(200);
});
