import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectSocket, createServer } from "node:net";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import { expect, onTestFinished, test } from "vitest";
import { ADMIN_TOKEN, startApi } from "../../test/fakes/api-server.ts";
import { FAKE_ID } from "../../test/fakes/engine.ts";
import { isWhole } from "./whole-answer.ts";

const FRAME_HEAD_BYTES = 9;
const DATA = 0;
const END_STREAM = 1;

/** The DATA frames in what a server sent: their length and their flags. */
function dataFrames(sent: Buffer): { readonly length: number; readonly flags: number }[] {
  const frames = [];
  for (let at = 0; at + FRAME_HEAD_BYTES <= sent.length; at += FRAME_HEAD_BYTES + sent.readUIntBE(at, 3))
    if (sent[at + 3] === DATA) frames.push({ length: sent.readUIntBE(at, 3), flags: sent[at + 4] ?? 0 });
  return frames;
}

/** Asks once, by a server in between that notes what is answered. */
async function post(path: string, body: string) {
  const api = await startApi();
  onTestFinished(() => api.stop());
  const sent: Buffer[] = [];
  const between = createServer((socket) => {
    const service = connectSocket(Number(new URL(api.address).port), "127.0.0.1");
    service.on("data", (chunk: Buffer) => sent.push(chunk));
    socket.pipe(service).pipe(socket);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void between.close());
  await once(between, "listening");
  const bound = between.address();
  const session = connectHttp2(`http://127.0.0.1:${typeof bound === "object" ? bound?.port : ""}`);
  onTestFinished(() => session.destroy());
  const asked = { ":method": "POST", ":path": path, "content-type": "application/json" };
  const call = session.request({ authorization: `Bearer ${ADMIN_TOKEN}`, ...asked });
  let text = "";
  call.on("data", (chunk: Buffer) => (text += chunk.toString()));
  call.end(body);
  await once(call, "close");
  return { text, frames: dataFrames(Buffer.concat(sent)) };
}

const STATUS = "/holdfast.v1.WorkflowService/Status";

test("over HTTP/2 an answer is one frame, and that one ends its stream", async () => {
  const { text, frames } = await post(STATUS, JSON.stringify({ workflow: { id: FAKE_ID } }));
  expect(JSON.parse(text)).toMatchObject({ status: { id: FAKE_ID } });
  expect(frames).toEqual([{ length: text.length, flags: END_STREAM }]);
});

test("so is a refusal", async () => {
  const { text, frames } = await post(STATUS, "{");
  expect(JSON.parse(text)).toMatchObject({ code: "invalid_argument" });
  expect(frames).toEqual([{ length: text.length, flags: END_STREAM }]);
});

test("what has trailers, or no length yet, is a stream's", () => {
  const answer = { status: 200, header: new Headers({ "content-length": "3" }), body: createAsyncIterable([Buffer.from("abc")]) };
  expect(isWhole(answer)).toBe(true);
  expect(isWhole({ ...answer, trailer: new Headers() })).toBe(false);
  expect(isWhole({ ...answer, header: new Headers() })).toBe(false);
  expect(isWhole({ status: 200, header: answer.header })).toBe(false);
});
