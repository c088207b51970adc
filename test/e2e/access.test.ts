// Tokens, roles, namespaces and TLS, as a person meets them: the real service, the command line client, curl.

import { execFile, spawn } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, readFileSync, renameSync, statSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CertificateAuthority } from "../fakes/certificates.ts";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { DaemonFixture, startDaemon } from "./daemon.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const CLIENT = join(PROJECT, process.env["HOLDFAST_TEST_BUILT"] === "1" ? "bin/holdfast.mjs" : "cmd/holdfast/main.ts");
const WORKFLOW = 'name: hello\nstages:\n  - name: only\n    actions: [{ name: t, uses: assert, with: { that: "true" } }]\n';
const SLOW = "name: slow\nstages:\n  - name: only\n    actions: [{ name: t, uses: wait, with: { for: 1h }, timeout: 2h }]\n";

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(file, args, { env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", ...env } }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** A client with a home of its own, which finds nothing but what `env` says. */
function client(daemon: DaemonFixture, env: Readonly<Record<string, string>>) {
  const home = join(daemon.directory, "home");
  return (...args: string[]) => run(process.execPath, [CLIENT, ...args], { HOME: home, HOLDFAST_ADDR: daemon.address, ...env });
}

function files(daemon: DaemonFixture): { readonly hello: string; readonly slow: string } {
  const [hello, slow] = [join(daemon.directory, "hello.yaml"), join(daemon.directory, "slow.yaml")];
  writeFileSync(hello, WORKFLOW);
  writeFileSync(slow, SLOW);
  return { hello, slow };
}

async function secretOf(created: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await created;
  expect([code, stderr]).toEqual([0, expect.stringContaining("not shown again")]);
  return stdout.trim();
}

test("a token is made, used, listed and revoked; its secret is nowhere on disk or in the log, and it outlives kill -9", async () => {
  const daemon = await startDaemon({ args: ["--log-level", "debug"] });
  const { hello } = files(daemon);
  const admin = client(daemon, { HOLDFAST_DATA: daemon.dataDir });
  const secret = await secretOf(admin("token", "create", "ci-bot", "--role", "submitter", "--namespace", "team-a", "--expires", "90d"));
  expect(secret).toMatch(/^hft_[\w-]{43}$/);
  const json = JSON.parse((await admin("-o", "json", "token", "create", "eye", "--role", "viewer", "--role", "approver:sre")).stdout);
  expect(json).toMatchObject({ token: { name: "eye", roles: ["approver:sre", "viewer"] }, secret: expect.stringMatching(/^hft_/) });
  await daemon.restart();
  const ci = client(daemon, { HOLDFAST_TOKEN: secret });
  expect(await ci("run", hello, "--namespace", "team-a")).toMatchObject({ code: 0 });
  const elsewhere = await ci("run", hello);
  expect([elsewhere.code, elsewhere.stderr]).toEqual([
    3,
    expect.stringContaining('may not name namespace "default"; its token is bound to: team-a'),
  ]);
  expect(await ci("token", "list")).toMatchObject({ code: 3, stderr: expect.stringContaining("it needs the role admin") });
  const path = join(daemon.dataDir, "tokens.json");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, "utf8") + daemon.stderr).not.toContain(secret.slice(4));
  expect((await admin("token", "list")).stdout).toMatch(
    /^ci-bot +submitter +namespaces team-a +expires 20.*\neye +approver:sre,viewer +all namespaces/,
  );
  expect(await admin("token", "create", "CI-bot", "--role", "viewer")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("token revoke ci-bot"),
  });
  expect(await admin("token", "revoke", "ci-bot")).toMatchObject({ code: 0 });
  expect(await ci("list", "--namespace", "team-a")).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/not one of this service's, or it was revoked/),
  });
  await daemon.restart();
  expect(await ci("list", "--namespace", "team-a")).toMatchObject({ code: 3 });
  expect(await admin("token", "revoke", "ci-bot")).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('there is no token "ci-bot"'),
  });
});

test("who watches with a token that is revoked hears it at once, and the workflow goes on", async () => {
  const daemon = await startDaemon();
  const { slow } = files(daemon);
  const admin = client(daemon, { HOLDFAST_DATA: daemon.dataDir });
  const secret = await secretOf(admin("token", "create", "amy", "--role", "submitter"));
  const env = { PATH: process.env["PATH"] ?? "", HOME: daemon.directory, HOLDFAST_ADDR: daemon.address, HOLDFAST_TOKEN: secret };
  const watching = spawn(process.execPath, [CLIENT, "run", slow, "--key", "the-slow-one"], { env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  watching.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => watching.once("close", resolve));
  await expect.poll(async () => (await admin("status", "the-slow-one")).stdout, { timeout: 20_000 }).toContain("RUNNING");
  const other = client(daemon, { HOLDFAST_TOKEN: await secretOf(admin("token", "create", "bob", "--role", "submitter")) });
  expect(await other("cancel", "the-slow-one")).toMatchObject({ code: 3, stderr: expect.stringContaining('was submitted by "amy"') });
  await admin("token", "revoke", "amy");
  expect([await ended, stderr]).toEqual([3, expect.stringContaining('the token was revoked: "amy"')]);
  expect((await admin("status", "the-slow-one")).stdout).toContain("RUNNING");
  expect(await admin("cancel", "the-slow-one")).toMatchObject({ code: 0 });
});

test("a file of tokens that is open, damaged, a link or no file stops the start with what to do", async () => {
  const daemon = new DaemonFixture();
  try {
    await daemon.start();
    await client(daemon, { HOLDFAST_DATA: daemon.dataDir })("token", "create", "a", "--role", "viewer");
    await daemon.stop();
    const path = join(daemon.dataDir, "tokens.json");
    const kept = join(daemon.directory, "kept.json");
    copyFileSync(path, kept);
    chmodSync(path, 0o640);
    await expect(daemon.start()).rejects.toThrow(/\(69\).*tokens\.json cannot be used: others than its owner.*chmod 600/s);
    chmodSync(path, 0o600);
    writeFileSync(path, readFileSync(kept, "utf8").slice(0, -20));
    await expect(daemon.start()).rejects.toThrow(/\(69\).*it is damaged \(it is no JSON\); put back a copy/s);
    writeFileSync(path, "");
    await expect(daemon.start()).rejects.toThrow(/it is damaged/);
    unlinkSync(path);
    symlinkSync(kept, path);
    await expect(daemon.start()).rejects.toThrow(/it is a symbolic link/);
    unlinkSync(path);
    renameSync(kept, path);
    chmodSync(path, 0o600);
    await daemon.start();
  } finally {
    await daemon.remove();
  }
});

test("over TLS the client trusts the CA that it is given, is known by its certificate, and says what is wrong with either", async () => {
  const directory = temporaryDirectory();
  const servers = new CertificateAuthority(directory, "servers");
  const clients = new CertificateAuthority(directory, "clients");
  const [server, bot] = [servers.server(), clients.client("/O=ops/CN=ci-bot")];
  const args = ["--tls-cert", server.certFile, "--tls-key", server.keyFile, "--tls-client-ca", clients.ca.certFile];
  const daemon = await startDaemon({ args });
  expect(daemon.address).toMatch(/^https:/);
  expect(JSON.parse(readFileSync(join(daemon.dataDir, "service.json"), "utf8"))).toMatchObject({ address: daemon.address });
  const { hello } = files(daemon);
  const cert = { HOLDFAST_CERT: bot.certFile, HOLDFAST_CERT_KEY: bot.keyFile };
  const trusting = { HOLDFAST_CA: servers.ca.certFile };
  const admin = client(daemon, { ...trusting, ...cert, HOLDFAST_TOKEN: daemon.token });
  expect(await admin("token", "create", "ci-bot", "--role", "submitter", "--certificate")).toMatchObject({ code: 0, stdout: "" });
  const ci = client(daemon, { ...trusting, ...cert, HOLDFAST_DATA: daemon.dataDir });
  const ran = await ci("-o", "json", "run", hello);
  expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('"submittedBy":"ci-bot"')]);
  expect(await client(daemon, cert)("list")).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/not to be trusted \(\w+\); name the CA/),
  });
  expect(await client(daemon, trusting)("list")).toMatchObject({ stderr: expect.stringMatching(/certificate|broke/) });
  expect(await client(daemon, { ...trusting, HOLDFAST_CERT: bot.certFile })("list")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--cert-key"),
  });
  const url = `${daemon.address}/holdfast.v1.WorkflowService/ListWorkflows`;
  const curl = ["-sS", "--cacert", servers.ca.certFile, "-H", "content-type: application/json", "-d", "{}", url];
  const shown = ["--cert", bot.certFile, "--key", bot.keyFile];
  for (const version of ["--http1.1", "--http2"]) {
    const listed = await run("curl", [version, ...shown, ...curl], {});
    expect(JSON.parse(listed.stdout)).toMatchObject({ workflows: [{ name: "hello", submittedBy: "ci-bot" }] });
    expect((await run("curl", [version, ...curl], {})).code).not.toBe(0);
  }
});

test("a renewed certificate is taken up without a restart; half of a pair is not", async () => {
  const directory = temporaryDirectory();
  const first = new CertificateAuthority(directory, "first");
  const next = new CertificateAuthority(directory, "next");
  const [live, fresh] = [first.server(), next.server()];
  const daemon = await startDaemon({ args: ["--tls-cert", live.certFile, "--tls-key", live.keyFile] });
  const ask = (ca: string) => client(daemon, { HOLDFAST_CA: ca, HOLDFAST_TOKEN: daemon.token })("list");
  expect(await ask(first.ca.certFile)).toMatchObject({ code: 0 });
  copyFileSync(fresh.certFile, live.certFile);
  await expect.poll(() => daemon.stderr, { timeout: 20_000 }).toMatch(/cannot be used, the old ones stay in use/);
  expect(await ask(first.ca.certFile)).toMatchObject({ code: 0 });
  copyFileSync(fresh.keyFile, live.keyFile);
  await expect.poll(() => daemon.stderr, { timeout: 20_000 }).toMatch(/the TLS certificate was renewed/);
  expect(await ask(next.ca.certFile)).toMatchObject({ code: 0 });
  expect(await ask(first.ca.certFile)).toMatchObject({ code: 3 });
});

test("files of TLS that are missing, open or no PEM stop the start, each by name", async () => {
  const directory = temporaryDirectory();
  const { certFile, keyFile } = new CertificateAuthority(directory, "a").server();
  const other = new CertificateAuthority(directory, "b").server();
  const [open, dataDir] = [join(directory, "open.key"), join(directory, "data")];
  copyFileSync(keyFile, open);
  chmodSync(open, 0o644);
  const cases: [string[], number, RegExp][] = [
    [["--tls-cert", "/nope.pem", "--tls-key", keyFile], 2, /--tls-cert \/nope\.pem: there is no such file/],
    [["--tls-cert", keyFile, "--tls-key", keyFile], 2, /--tls-cert .*: it holds no PEM CERTIFICATE/],
    [["--tls-cert", certFile, "--tls-key", open], 2, /everybody on this machine can read or write it; chmod o=/],
    [["--tls-cert", certFile, "--tls-key", other.keyFile], 69, /cannot be used together/],
    [["--tls-cert", certFile], 2, /needs both --tls-cert and --tls-key/],
    [["--listen", "0.0.0.0:0"], 2, /without TLS.*--tls-cert FILE/],
  ];
  for (const [args, code, message] of cases) {
    const main = join(PROJECT, "cmd/holdfastd/main.ts");
    const ended = await run(process.execPath, [main, "--data", dataDir, ...args], { HOME: directory });
    expect(ended).toMatchObject({ code, stderr: expect.stringMatching(message) });
    expect(existsSync(dataDir)).toBe(false);
  }
});
