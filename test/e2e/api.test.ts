// The real service, asked by clients that are not ours: buf curl, @grpc/grpc-js, plain HTTP; and how the process starts, ends and refuses to start.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { fromBinary, toBinary, create } from "@bufbuild/protobuf";
import { Metadata, credentials, makeGenericClientConstructor, status as grpcStatus } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { StatusRequestSchema, SubmitRequestSchema, SubmitResponseSchema } from "../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { DaemonFixture, localInventory, startDaemon } from "./daemon.ts";

const run = promisify(execFile);
const PROJECT = join(import.meta.dirname, "..", "..");
const BUF = join(PROJECT, "node_modules", ".bin", "buf");
const REQUEST_ID = "5b8f0a4e-6d0f-4f6e-9b1c-2f3a4d5e6f70";

const SUBMISSION = {
  requestId: REQUEST_ID,
  definition: { name: "hello", stages: [{ name: "only", actions: [{ name: "true", uses: "assert", with: { that: "true" } }] }] },
};

async function post(daemon: DaemonFixture, method: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${daemon.address}/holdfast.v1.WorkflowService/${method}`, {
    method: "POST",
    headers: { authorization: `Bearer ${daemon.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** A client of gRPC's own library, without generated code of its own. */
function grpcClient(daemon: DaemonFixture) {
  const echo = (bytes: Buffer): Buffer => bytes;
  const method = (name: string, isStream: boolean) => ({
    path: `/holdfast.v1.WorkflowService/${name}`,
    requestStream: false,
    responseStream: isStream,
    requestSerialize: echo,
    requestDeserialize: echo,
    responseSerialize: echo,
    responseDeserialize: echo,
  });
  const Client = makeGenericClientConstructor(
    { Submit: method("Submit", false), Status: method("Status", false), Watch: method("Watch", true) },
    "W",
  );
  const client = new Client(new URL(daemon.address).host, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${daemon.token}`);
  const unary = (name: string, bytes: Uint8Array): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, value?: Buffer): void =>
        error === null ? resolve(value ?? Buffer.alloc(0)) : reject(error);
      client.makeUnaryRequest(`/holdfast.v1.WorkflowService/${name}`, echo, echo, Buffer.from(bytes), metadata, done);
    });
  return { unary, close: () => client.close() };
}

test("buf curl needs no schema: it asks by reflection, over gRPC and Connect", async () => {
  const daemon = await startDaemon();
  for (const protocol of ["grpc", "connect", "grpcweb"]) {
    const args = ["curl", "--protocol", protocol, "--http2-prior-knowledge"];
    const url = `${daemon.address}/holdfast.v1.WorkflowService/ListWorkflows`;
    const { stdout } = await run(BUF, [...args, "-H", `authorization: Bearer ${daemon.token}`, "-d", "{}", url]);
    expect(JSON.parse(stdout)).toEqual({});
  }
  const listed = await run(BUF, ["curl", "--protocol", "grpc", "--http2-prior-knowledge", "--list-methods", daemon.address]);
  expect(listed.stdout).toContain("holdfast.v1.WorkflowService/Submit");
  const health = await run(BUF, [
    "curl",
    "--protocol",
    "grpc",
    "--http2-prior-knowledge",
    "-d",
    "{}",
    `${daemon.address}/grpc.health.v1.Health/Check`,
  ]);
  expect(JSON.parse(health.stdout)).toEqual({ status: "SERVING" });
});

test("a client of gRPC's own library submits and gets gRPC's status codes", async () => {
  const daemon = await startDaemon();
  const client = grpcClient(daemon);
  const request = create(SubmitRequestSchema, {
    requestId: REQUEST_ID,
    definition: { name: "hello", stages: [{ name: "only", actions: [{ name: "true", uses: "assert", with: { that: "true" } }] }] },
  });
  const answer = fromBinary(SubmitResponseSchema, await client.unary("Submit", toBinary(SubmitRequestSchema, request)));
  expect(answer.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  const unknown = create(StatusRequestSchema, { workflow: { id: "019a9f1e-5c3a-7d10-8f00-0123456789ab" } });
  await expect(client.unary("Status", toBinary(StatusRequestSchema, unknown))).rejects.toMatchObject({ code: grpcStatus.NOT_FOUND });
  client.close();
});

test("what was acknowledged is there after kill -9, and the service ends with 0 on SIGTERM", async () => {
  const daemon = await startDaemon();
  const first = await post(daemon, "Submit", SUBMISSION);
  expect(first.status).toBe(200);
  const { token } = daemon;
  await daemon.restart();
  expect(daemon.token).toBe(token);
  const again = await post(daemon, "Submit", SUBMISSION);
  expect(again.body["id"]).toBe(first.body["id"]);
  const exec = await post(daemon, "Exec", { workflow: { id: first.body["id"] }, wait: true });
  expect(exec.body).toMatchObject({ status: { phase: "PHASE_SUCCEEDED" } });
  expect(JSON.parse(readFileSync(join(daemon.dataDir, "service.json"), "utf8"))).toEqual({ address: daemon.address, pid: daemon.pid });
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(existsSync(join(daemon.dataDir, "service.json"))).toBe(false);
});

test("a shutdown with a stream and a waiting Exec open ends them and the process in time", async () => {
  const daemon = await startDaemon();
  const wait = { name: "pause", uses: "wait", with: { for: "1h" }, timeout: "7200s" };
  const { body } = await post(daemon, "Submit", {
    ...SUBMISSION,
    definition: { name: "slow", stages: [{ name: "only", actions: [wait] }] },
  });
  const waiting = post(daemon, "Exec", { workflow: { id: body["id"] }, wait: true });
  await expect
    .poll(async () => (await post(daemon, "Status", { workflow: { id: body["id"] } })).body)
    .toMatchObject({ status: { phase: "PHASE_RUNNING" } });
  const began = performance.now();
  expect(await daemon.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(await waiting).toMatchObject({ status: 503, body: { code: "unavailable" } });
});

test("the admin token is made once, for its owner alone, and one that others can read is refused", async () => {
  const daemon = await startDaemon();
  const path = join(daemon.dataDir, "admin.token");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await daemon.stop();
  writeFileSync(path, `${"A".repeat(43)}\n`, { mode: 0o644 });
  await run("chmod", ["644", path]);
  await expect(daemon.start()).rejects.toThrow(/\(69\).*others than its owner can read/s);
});

test("a second service on the same data directory is refused, and the first goes on", async () => {
  const daemon = await startDaemon();
  const second = ["--data", daemon.dataDir, "--listen", "127.0.0.1:0"];
  const failed = run(process.execPath, [join(PROJECT, "cmd/holdfastd/main.ts"), ...second]);
  await expect(failed).rejects.toMatchObject({ code: 69, stderr: expect.stringContaining("open in another process") });
  expect((await post(daemon, "ListWorkflows", {})).status).toBe(200);
});

test("wrong flags and broken files end it with 2 and all faults, before anything is made", async () => {
  const cases: [string[], RegExp][] = [
    [["--listen", "0.0.0.0:1"], /without TLS/],
    [["--submit-ttl", "soon"], /a number and a unit/],
    [["--nope"], /unknown option '--nope'/],
    [["--inventory", "missing.yaml", "other.yaml"], /missing\.yaml: no such file\n.*other\.yaml: no such file/],
    [["--log-level", "loud"], /Allowed choices/],
    [["surplus"], /too many arguments/],
  ];
  for (const [args, message] of cases) {
    const fixture = new DaemonFixture();
    const data = fixture.dataDir;
    const failed = run(process.execPath, [join(PROJECT, "cmd/holdfastd/main.ts"), "--data", data, ...args]);
    await expect(failed).rejects.toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(message) });
    expect(existsSync(data)).toBe(false);
    await fixture.remove();
  }
});

test("a broken actions directory ends it with 2 and all faults", async () => {
  const daemon = new DaemonFixture();
  const actions = join(daemon.directory, "actions");
  mkdirSync(actions);
  writeFileSync(join(actions, "a.yaml"), "nonsense: true\n");
  writeFileSync(join(actions, "b.yaml"), "[\n");
  const failed = run(process.execPath, [join(PROJECT, "cmd/holdfastd/main.ts"), "--data", daemon.dataDir, "--actions", actions]);
  await expect(failed).rejects.toMatchObject({ code: 2, stderr: expect.stringMatching(/a\.yaml:.*\n(.*\n)*.*b\.yaml:/) });
  await daemon.remove();
});

test("an edited inventory counts for the next Submit; a broken one refuses it with the place", async () => {
  const daemon = new DaemonFixture();
  writeFileSync(daemon.inventoryFile, localInventory(daemon.directory, 2));
  try {
    await daemon.start();
    const submit = (requestId: string) =>
      post(daemon, "Submit", {
        requestId,
        definition: {
          name: "over",
          targets: { where: 'target.labels.role == "web"' },
          stages: [{ name: "s", over: { targets: true }, actions: [{ name: "t", uses: "assert", with: { that: "true" } }] }],
        },
      });
    expect((await submit("00000000-0000-4000-8000-000000000001")).body).toMatchObject({ scope: { targets: 2 } });
    writeFileSync(daemon.inventoryFile, localInventory(daemon.directory, 3));
    expect((await submit("00000000-0000-4000-8000-000000000002")).body).toMatchObject({ scope: { targets: 3 } });
    writeFileSync(daemon.inventoryFile, `${localInventory(daemon.directory, 3)}  - { name: host-00, connection: { local: {} } }\n`);
    const broken = await submit("00000000-0000-4000-8000-000000000003");
    expect(broken.body).toMatchObject({
      code: "failed_precondition",
      message: expect.stringMatching(/inventory\.yaml:5:\d+: target "host-00" stands at/),
    });
  } finally {
    await daemon.remove();
  }
});
