// Deliveries to a real HTTP service on loopback and to real programs: what counts as taken, what goes out, and what never does.

import { createHmac } from "node:crypto";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { aHttpService } from "../../test/fakes/http-service.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { HoldfastError } from "../base/errors.ts";
import { systemClock } from "../system/clock.ts";
import { endGroup } from "../system/process-group.ts";
import { deliver } from "./deliver.ts";
import type { DeliveryPorts } from "./parcel.ts";
import type { Sink, Webhook } from "./sink.ts";

const PARCEL = { sink: "alerts", id: "w/12", line: '{"id":"w/12","text":"ä"}' };
const SECRETS: Readonly<Record<string, string>> = { key: "k3y-of-the-hook", pager: "Bearer p4ger", broken: "two\nlines" };

const PORTS: DeliveryPorts = {
  clock: systemClock,
  secrets: {
    value: (name) => {
      const value = SECRETS[name];
      if (value === undefined) throw new HoldfastError("NOT_FOUND", `there is no secret "${name}"`);
      return value;
    },
  },
  env: { PATH: process.env["PATH"], HOME: "/home/hf", HOLDFAST_SECRET_KEY: "k3y-of-the-hook" },
  endGroup,
};

const aWebhook = (fields: Partial<Webhook>): Webhook => ({
  kind: "webhook",
  url: "http://127.0.0.1:1",
  headers: {},
  secretHeaders: {},
  secret: undefined,
  timeoutMs: 5_000,
  ...fields,
});

const send = (to: Sink["to"], signal = new AbortController().signal) => deliver(to, PARCEL, PORTS, signal);

function aScript(text: string): string {
  const path = join(temporaryDirectory(), "script");
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}

const run = (text: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}) =>
  send({ kind: "command", argv: [aScript(text)], timeoutMs: options.timeoutMs ?? 5_000 }, options.signal);

test("a webhook gets one line of JSON, named, signed, and with its secret headers", async () => {
  const service = await aHttpService((_, response) => response.writeHead(204).end());
  const to = aWebhook({
    url: `${service.origin}/hook?x=1`,
    headers: { "X-Team": "sre" },
    secretHeaders: { Authorization: "pager" },
    secret: "key",
  });
  expect(await send(to)).toEqual({ kind: "taken" });
  const [asked] = service.asked;
  expect(asked).toMatchObject({ method: "POST", path: "/hook?x=1", body: `${PARCEL.line}\n` });
  const signature = createHmac("sha256", "k3y-of-the-hook").update(`${PARCEL.line}\n`).digest("hex");
  expect(asked?.headers).toMatchObject({
    "content-type": "application/json",
    "holdfast-event-id": "w/12",
    "holdfast-sink": "alerts",
    "holdfast-signature": `sha256=${signature}`,
    authorization: "Bearer p4ger",
    "x-team": "sre",
  });
});

test.each([
  [200, { kind: "taken" }],
  [299, { kind: "taken" }],
  [302, { kind: "refused", reason: "answered 302: a redirect is not followed" }],
  [410, { kind: "refused", reason: "answered 410" }],
  [500, { kind: "refused", reason: "answered 500" }],
])("an answer of %i", async (status, expected) => {
  const service = await aHttpService((_, response) => response.writeHead(status, { location: "/other" }).end("p4ger: go away"));
  expect(await send(aWebhook({ url: service.origin }))).toEqual(expected);
  expect(service.asked).toHaveLength(1);
});

test("no answer, no connection, no HTTP and no secret are all not taken", async () => {
  const service = await aHttpService(() => undefined);
  expect(await send(aWebhook({ url: service.origin, timeoutMs: 100 }))).toEqual({ kind: "refused", reason: "no answer within 100 ms" });
  expect(await send(aWebhook({ url: "http://127.0.0.1:1" }))).toMatchObject({ reason: expect.stringContaining("ECONNREFUSED") });
  const mumbling = createServer((socket) => socket.end("p4ger\r\n\r\n"));
  await new Promise<void>((resolve) => mumbling.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void mumbling.close());
  const address = mumbling.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const answer = await send(aWebhook({ url: `http://127.0.0.1:${port}` }));
  expect(answer).toMatchObject({ kind: "refused", reason: expect.stringMatching(/no HTTP|hang up/) });
  expect(JSON.stringify(answer)).not.toContain("p4ger");
  expect(await send(aWebhook({ secret: "gone" }))).toEqual({ kind: "refused", reason: 'there is no secret "gone"' });
  const broken = await send(aWebhook({ secretHeaders: { Authorization: "broken" } }));
  expect(broken).toMatchObject({ reason: expect.stringMatching(/^the secret "broken" cannot be the value of a header/) });
  expect(JSON.stringify(broken)).not.toContain("two");
});

test("a webhook is broken off when it is told to stop", async () => {
  const controller = new AbortController();
  const service = await aHttpService(() => controller.abort());
  expect(await send(aWebhook({ url: service.origin }), controller.signal)).toMatchObject({ reason: expect.stringContaining("broken off") });
});

test("a program gets the line on its stdin, and nothing of the service's environment but three variables", async () => {
  const out = join(temporaryDirectory(), "out");
  expect(await run(`cat > ${out}; env | sort >> ${out}; pwd >> ${out}`)).toEqual({ kind: "taken" });
  const [line, ...rest] = readFileSync(out, "utf8").trimEnd().split("\n");
  expect(line).toBe(PARCEL.line);
  expect(rest).toEqual(expect.arrayContaining(["HOLDFAST_EVENT_ID=w/12", "HOLDFAST_SINK=alerts", "HOME=/home/hf", "/"]));
  expect(rest.join("\n")).not.toContain("k3y");
});

test("a program that does not read its stdin may take the event all the same", async () => {
  expect(await run("exit 0")).toEqual({ kind: "taken" });
});

test("a program that fails tells its status and the last line that it said", async () => {
  expect(await run("echo first >&2; echo 'no mail server' >&2; exit 75")).toEqual({ kind: "refused", reason: "exit 75: no mail server" });
  expect(await run("kill -9 $$")).toEqual({ kind: "refused", reason: "ended by SIGKILL" });
  expect(await send({ kind: "command", argv: ["/no/such/program"], timeoutMs: 1_000 })).toMatchObject({
    kind: "refused",
    reason: expect.stringContaining("cannot be started"),
  });
});

test("a program is ended with all that it started when its time is over, or when it is told to stop", async () => {
  const file = join(temporaryDirectory(), "pid");
  const late = `sleep 60 & echo $! > ${file}.tmp; mv ${file}.tmp ${file}; wait`;
  const childOf = async (): Promise<number> => {
    await expect.poll(() => existsSync(file)).toBe(true);
    const pid = Number(readFileSync(file, "utf8"));
    rmSync(file);
    return pid;
  };
  const timedOut = run(late, { timeoutMs: 1_500 });
  const first = await childOf();
  expect(await timedOut).toMatchObject({ reason: "was ended after 1500 ms" });
  await expect.poll(() => isAlive(first)).toBe(false);
  const controller = new AbortController();
  const stopped = run(late, { signal: controller.signal });
  const second = await childOf();
  controller.abort();
  expect(await stopped).toMatchObject({ reason: expect.stringContaining("broken off") });
  await expect.poll(() => isAlive(second)).toBe(false);
});

/** A process that ended and that nobody has waited for yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
