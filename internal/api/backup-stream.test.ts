import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { once } from "node:events";
import { Code, ConnectError, createClient, createHandlerContext } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { ADMIN_TOKEN, startApi } from "../../test/fakes/api-server.ts";
import { BACKUP_CHUNK_BYTES } from "../base/limits.ts";
import { HoldfastError } from "../base/errors.ts";
import { JournalService } from "../gen/holdfast/v1/journal_service_pb.ts";
import { createAnswers } from "./answer.ts";

const LARGE = 4_000;

async function start(backup: () => AsyncIterable<Uint8Array>) {
  const api = await startApi({ journal: { backup } });
  onTestFinished(() => api.stop());
  return api;
}

function clients(baseUrl: string, token = ADMIN_TOKEN) {
  const interceptors = [
    (next: Parameters<NonNullable<Parameters<typeof createConnectTransport>[0]["interceptors"]>[number]>[0]) =>
      (request: Parameters<typeof next>[0]) => {
        request.header.set("authorization", `Bearer ${token}`);
        return next(request);
      },
  ];
  return [
    createConnectTransport({ baseUrl, httpVersion: "1.1", interceptors }),
    createConnectTransport({ baseUrl, httpVersion: "2", interceptors }),
    createGrpcTransport({ baseUrl, interceptors }),
    createGrpcWebTransport({ baseUrl, httpVersion: "1.1", interceptors }),
  ].map((transport) => createClient(JournalService, transport));
}

/** A backup without an end worth the name, which tells how much of it was asked for and when it was let go. */
function largeBackup() {
  const told = Promise.withResolvers<void>();
  const seen = { asked: 0, letGo: told.promise };
  async function* backup() {
    try {
      for (; seen.asked < LARGE; seen.asked++) yield Buffer.alloc(BACKUP_CHUNK_BYTES, seen.asked);
    } finally {
      told.resolve();
    }
  }
  return { backup, seen };
}

/** Asks for a backup without the client library, so that a test says when anything of the answer is read. */
async function ask(address: string): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/connect+proto" };
  const call = httpRequest(`${address}/holdfast.v1.JournalService/BackupJournal`, { method: "POST", headers });
  call.on("error", () => undefined);
  call.end(Buffer.alloc(5)); // one empty message
  const answer = new Promise<IncomingMessage>((resolve) => call.once("response", resolve));
  (await answer).on("error", () => undefined);
  return answer;
}

test("a backup arrives byte for byte in every protocol", async () => {
  const { address, fatal } = await start(async function* backup() {
    for (let chunk = 1; chunk <= 20; chunk++) yield Buffer.alloc(chunk * 1_000, chunk);
  });
  for (const client of clients(address)) {
    const chunks: Uint8Array[] = [];
    for await (const { data } of client.backupJournal({})) chunks.push(data);
    expect(chunks.map(({ length }) => length)).toEqual(Array.from({ length: 20 }, (_, at) => (at + 1) * 1_000));
    expect(chunks.every((chunk, at) => chunk.every((byte) => byte === at + 1))).toBe(true);
  }
  expect(fatal).toEqual([]);
});

test("only the admin takes a backup", async () => {
  const { backup, seen } = largeBackup();
  const { address, tokens } = await start(backup);
  for (const role of ["viewer", "submitter", "operator", "approver:sre"]) {
    const wanted = { name: role.slice(0, 6), roles: [role], namespaces: [], isCertificate: false, lifetimeMs: undefined };
    const { secret } = tokens.create("admin", wanted);
    for (const client of clients(address, secret)) {
      const error = await client
        .backupJournal({})
        [Symbol.asyncIterator]()
        .next()
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      expect(ConnectError.from(error).code).toBe(Code.PermissionDenied);
    }
  }
  expect(seen.asked).toBe(0);
});

test("an error of the journal in the middle ends the stream with that error", async () => {
  const { address, fatal } = await start(async function* backup() {
    yield Buffer.from("some");
    throw new HoldfastError("DATA_LOSS", "LevelDB cannot read on");
  });
  for (const client of clients(address)) {
    const read = async (): Promise<void> => {
      for await (const { data } of client.backupJournal({})) expect(Buffer.from(data).toString()).toBe("some");
    };
    await expect(read()).rejects.toMatchObject({ code: Code.DataLoss });
  }
  expect(fatal).toEqual([]);
});

test("a client that does not read on stops the reading of the journal, and nothing fills up meanwhile", async () => {
  const { backup, seen } = largeBackup();
  const { address } = await start(backup);
  const answer = await ask(address); // it is not read from
  let before = -1;
  while (seen.asked !== before) {
    before = seen.asked;
    for (let call = 0; call < 20; call++) await fetch(`${address}/nothing`);
  }
  expect(seen.asked * BACKUP_CHUNK_BYTES).toBeLessThan(64 * 1024 * 1024);
  answer.destroy();
  await seen.letGo;
});

test("a client that dies while it is written to ends its backup, and not the service", async () => {
  let current = largeBackup();
  const { address, fatal } = await start(() => current.backup());
  for (let round = 0; round < 5; round++) {
    current = largeBackup();
    const answer = await ask(address);
    await once(answer, "readable");
    answer.socket.resetAndDestroy();
    await current.seen.letGo;
    expect((await fetch(`${address}/nothing`)).status).toBe(404);
  }
  expect(fatal).toEqual([]);
});

test("what the writer of an answer throws into a stream is a client that left, and no bug of the service", async () => {
  const fatal: unknown[] = [];
  const { backup, seen } = largeBackup();
  const context = createHandlerContext({
    service: JournalService,
    method: JournalService.method.backupJournal,
    protocolName: "connect",
    requestMethod: "POST",
    url: "http://localhost/",
  });
  const answer = createAnswers((error) => fatal.push(error))
    .stream(backup)({}, context)
    [Symbol.asyncIterator]();
  await answer.next();
  await expect(answer.throw?.(new Error("Cannot call write after a stream was destroyed"))).rejects.toMatchObject({ code: Code.Canceled });
  await seen.letGo;
  expect(fatal).toEqual([]);
});
