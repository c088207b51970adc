import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect as connectSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { ADMIN_TOKEN, startApi } from "../../test/fakes/api-server.ts";
import { CertificateAuthority } from "../../test/fakes/certificates.ts";
import type { Issued } from "../../test/fakes/certificates.ts";
import { FAKE_ID } from "../../test/fakes/engine.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { Health } from "../gen/grpc/health/v1/health_pb.ts";
import { WorkflowService } from "../gen/holdfast/v1/workflow_service_pb.ts";

const REF = { workflow: { id: FAKE_ID } };

async function start(options: { clientCa?: CertificateAuthority } = {}) {
  const directory = temporaryDirectory();
  const authority = new CertificateAuthority(directory, "server-ca");
  const issued = authority.server();
  const tls = { cert: issued.cert, key: issued.key, clientCa: options.clientCa?.ca.cert };
  const api = await startApi({ tls, workflows: { [FAKE_ID]: { namespace: "default", submittedBy: "amy" } } });
  onTestFinished(() => api.stop());
  const admit = (name: string): void =>
    void api.tokens.create("admin", { name, roles: ["operator"], namespaces: [], isCertificate: true, lifetimeMs: undefined });
  const dial = (own: Pick<Issued, "cert" | "key"> | undefined, token = "") => transportsTo(api.address, authority.ca.cert, { own, token });
  return { ...api, directory, authority, admit, dial };
}

function transportsTo(
  baseUrl: string,
  ca: string,
  { own, token }: { own: Pick<Issued, "cert" | "key"> | undefined; token: string },
): Record<string, Transport> {
  const bearing: Interceptor = (next) => (request) => {
    if (token !== "") request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const agent = false as const; // each call its own connection
  const nodeOptions = { ca, ...(own === undefined ? {} : { cert: own.cert, key: own.key }) };
  const options = { baseUrl, nodeOptions, interceptors: [bearing] };
  return {
    "connect over HTTP/1.1": createConnectTransport({ ...options, nodeOptions: { ...nodeOptions, agent }, httpVersion: "1.1" }),
    "connect over HTTP/2": createConnectTransport({ ...options, httpVersion: "2" }),
    gRPC: createGrpcTransport(options),
    "gRPC-Web over HTTP/1.1": createGrpcWebTransport({ ...options, nodeOptions: { ...nodeOptions, agent }, httpVersion: "1.1" }),
  };
}

async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await call.then(
      () => new Error("the call did not fail"),
      (error: unknown) => error,
    ),
  );
}

/** The first bytes that come back, or the error's code. */
function exchange(options: ConnectionOptions, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: "127.0.0.1", ...options });
    let heard = "";
    socket.on("data", (chunk: Buffer) => {
      heard += chunk.toString("latin1");
    });
    socket.on("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    socket.on("close", () => resolve(heard));
    socket.on("secureConnect", () => socket.write(text));
  });
}

test("one port answers Connect, gRPC and gRPC-Web over TLS, calls and streams", async () => {
  const { address, dial, fatal } = await start();
  expect(address).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  for (const [name, transport] of Object.entries(dial(undefined, ADMIN_TOKEN))) {
    const client = createClient(WorkflowService, transport);
    expect((await client.status(REF)).status?.id, name).toBe(FAKE_ID);
    for await (const { seq } of client.watch({ ...REF, afterSeq: 41n })) {
      expect(seq).toBe(42n);
      break;
    }
  }
  for (const transport of Object.values(dial(undefined))) {
    expect((await errorOf(createClient(WorkflowService, transport).status(REF))).code).toBe(Code.Unauthenticated);
  }
  expect(fatal).toEqual([]);
});

test("TLS below 1.2, plain HTTP, garbage, and HTTP/2 without ALPN get nowhere, and others do not notice", async () => {
  const { port, authority, dial } = await start();
  const ca = authority.ca.cert;
  expect(await exchange({ port, ca, maxVersion: "TLSv1.1", minVersion: "TLSv1" }, "")).toMatch(/ERR_SSL|ALERT|EPROTO|ECONNRESET/);
  const plain = await new Promise<string>((resolve) => {
    const socket = connectSocket(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(heard));
  });
  expect(plain).not.toMatch(/HTTP\/1\.1 [24]/);
  expect(await exchange({ port, ca }, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
  expect(await exchange({ port, ca, ALPNProtocols: ["http/1.1"] }, "\0\x01nonsense\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
  expect(await exchange({ port, ca, ALPNProtocols: ["spdy/9"] }, "GET / HTTP/1.1\r\n\r\n")).toMatch(/ERR_SSL.*ALPN|ERR_SSL|^$/);
  await exchange({ port, ca, ALPNProtocols: ["h2"] }, "no preface of HTTP/2 at all, but long enough to be looked at");
  for (const transport of Object.values(dial(undefined, ADMIN_TOKEN))) {
    expect((await createClient(WorkflowService, transport).status(REF)).status?.id).toBe(FAKE_ID);
  }
});

test("a client certificate is its principal, to the letter of its CN; a bearer token goes before it", async () => {
  const clients = new CertificateAuthority(temporaryDirectory(), "client-ca");
  const { admit, dial, asked } = await start({ clientCa: clients });
  admit("ci-bot");
  for (const transport of Object.values(dial(clients.client("/O=ops/CN=ci-bot"))))
    await createClient(WorkflowService, transport).cancel({ ...REF, reason: "x" });
  for (const transport of Object.values(dial(clients.client("/CN=unknown"), ADMIN_TOKEN)))
    await createClient(WorkflowService, transport).cancel({ ...REF, reason: "x" });
  expect(asked.map(({ by }) => by)).toEqual([...Array<string>(4).fill("ci-bot"), ...Array<string>(4).fill("admin")]);
  const refused: [string, string, RegExp][] = [
    ["/CN=Ci-bot", "", /no token stands for the CN/],
    ["/CN=admin", "", /no token stands for the CN/],
    ["/O=ci-bot", "", /has no CN, or several/],
    ["/CN=ci-bot/CN=admin", "", /has no CN, or several/],
    ["/CN=ci-bot", "wrong", /the token is not one of this service's/], // what is shown and wrong is not passed over
  ];
  for (const [subject, token, message] of refused) {
    for (const transport of Object.values(dial(clients.client(subject), token))) {
      const error = await errorOf(createClient(WorkflowService, transport).status(REF));
      expect([error.code, error.rawMessage]).toEqual([Code.Unauthenticated, expect.stringMatching(message)]);
    }
  }
});

test("with a client CA nothing is answered without a certificate of it: no health, no 404", async () => {
  const directory = temporaryDirectory();
  const clients = new CertificateAuthority(directory, "client-ca");
  const { admit, dial, authority, address, asked } = await start({ clientCa: clients });
  admit("ci-bot");
  const foreign = new CertificateAuthority(directory, "client-ca-of-another");
  for (const own of [undefined, foreign.client("/CN=ci-bot"), authority.client("/CN=ci-bot"), foreign.ca]) {
    for (const transport of Object.values(dial(own, ADMIN_TOKEN))) {
      await expect(createClient(Health, transport).check({})).rejects.toThrow(/certificate|ECONNRESET|socket|SSL|closed/i);
    }
  }
  const health = Object.values(dial(clients.client("/CN=whoever")))[2];
  if (health === undefined) throw new Error("no transport");
  expect((await createClient(Health, health).check({})).status).toBe(1);
  const session = connectHttp2(address, { ca: authority.ca.cert });
  onTestFinished(() => session.destroy());
  await expect(
    new Promise((resolve, reject) => session.on("connect", resolve).on("error", reject).on("close", reject)),
  ).resolves.toBeDefined();
  expect(asked).toEqual([]);
});

test("revoking a certificate's token ends what is open with it", async () => {
  const clients = new CertificateAuthority(temporaryDirectory(), "client-ca");
  const { admit, dial, tokens } = await start({ clientCa: clients });
  admit("ci-bot");
  const ends: Promise<ConnectError>[] = [];
  for (const transport of Object.values(dial(clients.client("/CN=ci-bot")))) {
    const stream = createClient(WorkflowService, transport).watch(REF)[Symbol.asyncIterator]();
    await stream.next();
    ends.push(errorOf(stream.next()));
  }
  tokens.revoke("ci-bot");
  for (const end of ends) expect((await end).code).toBe(Code.Unauthenticated);
});

test("a renewed certificate is for new connections; a pair that does not fit changes nothing", async () => {
  const { server, port, authority, directory } = await start();
  const next = new CertificateAuthority(directory, "next-ca");
  const issued = next.server();
  const serialSeen = (ca: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connectTls({ host: "127.0.0.1", port, ca }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.on("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    });
  const first = await serialSeen(authority.ca.cert);
  expect(first).toMatch(/^[0-9A-F]+$/);
  expect(() => server.renewTls({ cert: issued.cert, key: authority.server().key, clientCa: undefined })).toThrow(/cannot be used together/);
  expect(await serialSeen(authority.ca.cert)).toBe(first);
  server.renewTls({ cert: issued.cert, key: issued.key, clientCa: undefined });
  expect(await serialSeen(next.ca.cert)).toMatch(/^[0-9A-F]+$/);
  expect(await serialSeen(authority.ca.cert)).toMatch(/UNABLE_TO|SELF_SIGNED/);
});

test("a shutdown ends streams and half-open handshakes over TLS and closes in time", async () => {
  const { dial, port, stop, authority } = await start();
  const halfOpen = connectSocket(port, "127.0.0.1");
  halfOpen.on("error", () => undefined);
  const idle = connectTls({ host: "127.0.0.1", port, ca: authority.ca.cert });
  await new Promise((resolve) => idle.once("secureConnect", resolve));
  const ends: Promise<ConnectError>[] = [];
  for (const transport of Object.values(dial(undefined, ADMIN_TOKEN))) {
    const stream = createClient(WorkflowService, transport).watch(REF)[Symbol.asyncIterator]();
    await stream.next();
    ends.push(errorOf(stream.next()));
  }
  const began = performance.now();
  await stop();
  expect(performance.now() - began).toBeLessThan(2_000);
  for (const end of ends) expect((await end).code).toBe(Code.Unavailable);
});

test("an HTTP/1.1 connection that is kept over TLS answers again and again", async () => {
  const { port, authority } = await start();
  const statusOf = (): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const request = httpsRequest({ host: "127.0.0.1", port, ca: authority.ca.cert, path: "/nope" }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode));
      });
      request.on("error", reject);
      request.end();
    });
  for (let index = 0; index < 3; index++) expect(await statusOf()).toBe(404);
});
