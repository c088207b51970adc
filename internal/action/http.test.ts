import { createServer } from "node:net";
import type { JsonObject } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { anAttempt } from "../../test/fakes/attempt-context.ts";
import { aHttpService, sendJson } from "../../test/fakes/http-service.ts";
import { HoldfastError } from "../base/errors.ts";
import { timeMs } from "../base/ids.ts";
import { HTTP_BODY_BYTES_MAX } from "../base/limits.ts";
import type { ApplyResult, AttemptContext, Clock, Pace, PreparedAction } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import { httpAction } from "./http.ts";

const CLOCK: Clock = {
  nowMs: () => timeMs(Date.now()),
  monotonicMs: () => performance.now(),
  bootId: () => "boot",
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
const PACE: Pace = { run: (_origin, work) => work() };
const KEY = anAttempt().taskKey;

function prepare(args: JsonObject, pace = PACE): PreparedAction {
  return httpAction({ clock: CLOCK, pace }).parse(args);
}

async function apply(args: JsonObject, over: Partial<AttemptContext> = {}): Promise<ApplyResult> {
  return prepare(args).apply(anAttempt(over), "");
}

test("a GET gives status, harmless headers and the body as JSON, and sends no key", async () => {
  const service = await aHttpService((_, response) => sendJson(response, 200, { state: "open" }, { etag: "7", "set-cookie": "hush=1" }));
  const result = await apply({
    url: `${service.origin}/c/1`,
    headers: { authorization: "Bearer hush" },
    expect: "body.state == 'open' && status == 200",
  });
  expect(result).toMatchObject({
    kind: "applied",
    output: { status: 200, body: { state: "open" }, headers: { etag: "7", "content-type": "application/json" } },
  });
  expect(JSON.stringify(result)).not.toContain("hush");
  expect(service.asked).toMatchObject([{ method: "GET", path: "/c/1", headers: { authorization: "Bearer hush" } }]);
  expect(service.asked[0]?.headers).not.toHaveProperty("idempotency-key");
});

test("a POST carries the task's key and its JSON", async () => {
  const service = await aHttpService((_, response) => sendJson(response, 201, { id: 9 }));
  expect(await apply({ method: "POST", url: service.origin, json: { failed: ["web-01"] } })).toMatchObject({
    kind: "applied",
    output: { status: 201 },
  });
  expect(service.asked).toMatchObject([
    { method: "POST", body: '{"failed":["web-01"]}', headers: { "idempotency-key": KEY, "content-type": "application/json" } },
  ]);
});

test.each<readonly [JsonObject, Effects]>([
  [{ url: "http://x/" }, Effects.NONE],
  [{ url: "http://x/", method: "POST" }, Effects.UNSAFE],
  [{ url: "http://x/", method: "PUT", idempotent: true }, Effects.IDEMPOTENT],
  [{ url: "http://x/", method: "POST", check: { url: "http://x/", expect: "true" } }, Effects.IDEMPOTENT],
  [{ prepare: { url: "http://x/", id: "body.id" }, commit: { url: "http://x/{remote_id}" } }, Effects.UNSAFE],
  [
    { prepare: { url: "http://x/", id: "body.id" }, commit: { url: "http://x/" }, status: { url: "http://x/", expect: "true" } },
    Effects.IDEMPOTENT,
  ],
])("%j has its effects from what it promises", (args, effects) => expect(prepare(args).effects).toBe(effects));

test.each<readonly [number, boolean, string]>([
  [503, true, "answered with 503 (Retry-After: 30)"],
  [429, true, "answered with 429 (Retry-After: 30)"],
  [404, false, "answered with 404 (Retry-After: 30)"],
  [302, false, "answered with 302 (Retry-After: 30); redirects are followed only for GET and HEAD with `follow_redirects: true`"],
])("an answer %i is a failure that is worth another try: %s", async (status, isRetryable, message) => {
  const service = await aHttpService((_, response) => sendJson(response, status, {}, { "retry-after": "30", location: "/hush" }));
  expect(await apply({ url: service.origin })).toMatchObject({ kind: "failed", message, isRetryable, output: { status } });
});

test("a body that is not as expected fails with the expression", async () => {
  const service = await aHttpService((_, response) => sendJson(response, 200, { state: "closed" }));
  const args = { url: service.origin, expect: "body.state == params.wanted" };
  const scope = (name: string): unknown => (name === "params" ? { wanted: "open" } : undefined);
  expect(await apply(args, { scope })).toMatchObject({
    kind: "failed",
    message: "answered with 200, but not as expected: body.state == params.wanted",
  });
  expect(await apply({ ...args, expect: "body.nothing == 1" })).toMatchObject({
    kind: "failed",
    message: expect.stringContaining("cannot be evaluated"),
  });
});

test("where nothing listens, nothing was sent", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  await new Promise((resolve) => server.close(resolve));
  expect(await apply({ method: "POST", url: `http://127.0.0.1:${port}/` })).toMatchObject({
    kind: "unreachable",
    message: expect.stringContaining("ECONNREFUSED"),
  });
  expect(await apply({ method: "POST", url: "http://no-such-host.invalid/" })).toMatchObject({ kind: "unreachable" });
});

test("a peer that speaks no TLS got nothing of the request", async () => {
  const server = createServer((socket) => socket.end("no TLS here"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  expect(await apply({ method: "POST", url: `https://127.0.0.1:${typeof address === "object" ? address?.port : 0}/` })).toMatchObject({
    kind: "unreachable",
  });
});

test("a lost answer is unknown when unsafe, and a failure when it may be repeated", async () => {
  const service = await aHttpService((_, response) => response.destroy());
  expect(await apply({ method: "POST", url: service.origin })).toMatchObject({ kind: "unknown" });
  expect(await apply({ method: "POST", url: service.origin, idempotent: true })).toMatchObject({ kind: "failed" });
  expect(await apply({ url: service.origin })).toMatchObject({ kind: "failed" });
});

test("a lost answer is settled by the check where there is one", async () => {
  let isDone = false;
  const service = await aHttpService(({ method }, response) => {
    if (method === "GET") return sendJson(response, 200, { isDone });
    isDone = true;
    return response.destroy();
  });
  const args = { method: "POST", url: service.origin, check: { url: service.origin, expect: "body.isDone" } };
  expect(await prepare(args).check(anAttempt())).toMatchObject({ kind: "different" });
  expect(await apply(args)).toMatchObject({ kind: "applied" });
  expect(await prepare(args).check(anAttempt())).toMatchObject({ kind: "converged" });
});

test("no answer in time, and an abort, are told apart by what was sent", async () => {
  const service = await aHttpService(() => undefined);
  expect(await apply({ method: "POST", url: service.origin }, { timeoutMs: 100 })).toMatchObject({
    kind: "unknown",
    message: expect.stringContaining("no answer in time"),
  });
  expect(await apply({ url: service.origin }, { signal: AbortSignal.timeout(100) })).toMatchObject({ kind: "cancelled" });
  expect(await apply({ method: "POST", url: service.origin }, { signal: AbortSignal.timeout(100) })).toMatchObject({ kind: "unknown" });
  expect(await apply({ method: "POST", url: service.origin }, { signal: AbortSignal.abort() })).toMatchObject({ kind: "unbegun" });
});

test("an answer that stops coming for its heartbeat is lost; one that goes on coming is not, however long it takes", async () => {
  const service = await aHttpService(({ path }, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    response.write("a");
    if (path === "/stops") return;
    let count = 0;
    const timer = setInterval(() => {
      count += 1;
      response.write("b");
      if (count < 8) return;
      clearInterval(timer);
      response.end();
    }, 50);
  });
  const silent = await apply({ url: `${service.origin}/stops` }, { heartbeatMs: 300 });
  expect(silent).toMatchObject({
    kind: "failed",
    isTimedOut: true,
    message: expect.stringContaining("no sign of life for its `heartbeat`: the last"),
  });
  expect(await apply({ method: "POST", url: `${service.origin}/stops` }, { heartbeatMs: 300 })).toMatchObject({ kind: "unknown" });
  expect(await apply({ url: `${service.origin}/goes-on` }, { heartbeatMs: 300 })).toMatchObject({ output: { body: "abbbbbbbb" } });
});

test("redirects are followed when asked, to another origin without headers", async () => {
  const other = await aHttpService((_, response) => sendJson(response, 200, "there"));
  const service = await aHttpService((_, response) => response.writeHead(302, { location: `${other.origin}/x` }).end());
  expect(await apply({ url: service.origin, follow_redirects: true, headers: { authorization: "hush" } })).toMatchObject({
    kind: "applied",
    output: { body: "there" },
  });
  expect(other.asked[0]?.headers).not.toHaveProperty("authorization");
  const loop = await aHttpService((_, response) => response.writeHead(302, { location: "/" }).end());
  expect(await apply({ url: loop.origin, follow_redirects: true })).toMatchObject({ kind: "failed", message: "more than 5 redirects" });
});

test("a body beyond the bound is a failure, and the rest is not read", async () => {
  const service = await aHttpService((_, response) => response.end("x".repeat(HTTP_BODY_BYTES_MAX + 1)));
  expect(await apply({ url: service.origin })).toMatchObject({
    kind: "failed",
    isRetryable: false,
    message: expect.stringContaining("larger than"),
  });
});

test("a handshake prepares, gives its ID, commits by it, and is settled by its status", async () => {
  const committed = new Set<string>();
  const service = await aHttpService(({ method, path }, response) => {
    if (method === "POST" && path === "/orders") return sendJson(response, 200, { id: "a/1" });
    const id = decodeURIComponent(path.split("/")[2] ?? "");
    if (method === "POST") committed.add(id);
    return sendJson(response, 200, { done: committed.has(id) });
  });
  const prepared = prepare({
    prepare: { url: `${service.origin}/orders`, json: { what: "erase" }, id: "body.id" },
    commit: { url: `${service.origin}/orders/{remote_id}/commit`, json: { order: "{remote_id}" } },
    status: { url: `${service.origin}/orders/{remote_id}`, expect: "body.done" },
  });
  expect(await prepared.check(anAttempt())).toMatchObject({ kind: "different", checksum: "not prepared" });
  const first = await prepared.prepare?.(anAttempt());
  expect(first).toEqual({ kind: "prepared", remoteId: "a/1" });
  const context = anAttempt({ remoteId: "a/1" });
  expect(await prepared.check(context)).toMatchObject({ kind: "different" });
  expect(await prepared.apply(context, "")).toMatchObject({ kind: "applied" });
  expect(await prepared.check(context)).toMatchObject({ kind: "converged" });
  expect(
    service.asked.filter(({ method }) => method === "POST").map(({ path, headers, body }) => [path, headers["idempotency-key"], body]),
  ).toEqual([
    ["/orders", `${KEY}-prepare`, '{"what":"erase"}'],
    ["/orders/a%2F1/commit", KEY, '{"order":"a/1"}'],
  ]);
});

test("an ID that is none fails the prepare, and a commit without an ID is refused", async () => {
  const service = await aHttpService((_, response) => sendJson(response, 200, { id: null }));
  const prepared = prepare({ prepare: { url: service.origin, id: "body.id" }, commit: { url: service.origin } });
  expect(await prepared.prepare?.(anAttempt())).toMatchObject({ kind: "failed", isRetryable: false });
  expect(await prepared.apply(anAttempt(), "")).toMatchObject({ kind: "failed", isRetryable: false });
});

test.each<readonly [JsonObject, RegExp]>([
  [{}, /with: one of the arguments url or prepare is missing/],
  [{ url: "ftp://x/" }, /with\.url: must begin with http/],
  [{ url: "http://user:hush@x/" }, /with\.url: must not hold a user or a password/],
  [{ url: "/x" }, /with\.url: must be a whole URL/],
  [{ url: "http://x/", method: "get" }, /with\.method: must be one of "GET"/],
  [{ url: "http://x/", json: {} }, /with\.json: has no meaning for GET/],
  [{ url: "http://x/", method: "POST", json: {}, body: "x" }, /only one of json or body/],
  [{ url: "http://x/", expect: "bdy.state == 1" }, /with\.expect:1:1: .*bdy/],
  [{ url: "http://x/", headers: { "a b": "x" } }, /with\.headers: holds a name/],
  [{ url: "http://x/", headers: { a: "x\ny" } }, /with\.headers\.a: must be one line/],
  [{ prepare: { url: "http://x/", id: "body.id" } }, /with\.commit: a handshake needs/],
  [{ url: "http://x/", commit: { url: "http://x/" } }, /with\.commit: belongs to a handshake/],
  [{ prepare: { url: "http://x/", id: "bod.id" }, commit: { url: "http://x/" } }, /with\.prepare\.id:1:1/],
])("%j is refused at submit", (args, message) => {
  const faults = httpAction({ clock: CLOCK, pace: PACE }).validate(args, { place: "with", names: ["params"] });
  expect(faults.map(({ place, reason }) => `${place}: ${reason}`).join("\n")).toMatch(message);
});

test("a URL that becomes wrong only when rendered is a failure before anything is sent", () => {
  expect(() => prepare({ url: "not a url" })).toThrow("url: must be a whole URL");
});

test("every request waits for its turn toward its origin, those of redirects and checks too", async () => {
  const origins: string[] = [];
  const pace: Pace = {
    run(origin, work) {
      origins.push(origin);
      return work();
    },
  };
  const other = await aHttpService((_, response) => sendJson(response, 200, { done: true }));
  const service = await aHttpService((_, response) => sendJson(response, 302, {}, { location: `${other.origin}/there` }));
  await prepare({ url: `${service.origin}/a`, follow_redirects: true }, pace).apply(anAttempt(), "");
  const posted = prepare({ method: "POST", url: `${service.origin}/b`, check: { url: `${other.origin}/c`, expect: "body.done" } }, pace);
  await posted.check(anAttempt());
  await posted.apply(anAttempt(), "");
  expect(origins).toEqual([service.origin, other.origin, other.origin, service.origin]);
});

test("a request whose turn does not come in the attempt's time, or before a cancel, was not sent", async () => {
  const pace: Pace = {
    run: (origin, _work, signal) =>
      new Promise((_, reject) => {
        const leave = (): void => reject(new HoldfastError("CANCELLED", origin));
        if (signal.aborted) leave();
        else signal.addEventListener("abort", leave, { once: true });
      }),
  };
  const posted = prepare({ method: "POST", url: "http://127.0.0.1:9/" }, pace);
  expect(await posted.apply(anAttempt({ timeoutMs: 1 }), "")).toMatchObject({
    kind: "unreachable",
    message: "nothing was sent: its turn toward the origin did not come in time",
  });
  const stop = new AbortController();
  const waiting = posted.apply(anAttempt({ signal: stop.signal }), "");
  stop.abort();
  expect(await waiting).toEqual({ kind: "unbegun", message: "cancelled before anything was sent" });
});

test("a request that may not begin any more when its turn comes is not sent; looking whether a lost one was done goes on", async () => {
  let hasDone = false;
  const service = await aHttpService(({ method }, response) => {
    if (method === "GET") return sendJson(response, 200, { done: hasDone });
    hasDone = true;
    return response.destroy();
  });
  const posted = prepare({ method: "POST", url: service.origin, check: { url: service.origin, expect: "body.done" } });
  expect(await posted.apply(anAttempt({ mayBegin: () => false }), "")).toEqual({
    kind: "unbegun",
    message: "not let go when its turn came: nothing was sent",
  });
  expect(hasDone).toBe(false);
  const asked = [true, false];
  expect(await posted.apply(anAttempt({ mayBegin: () => asked.shift() ?? false }), "")).toMatchObject({ kind: "applied" });
});
