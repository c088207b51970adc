import { expect, test } from "vitest";
import type { DaemonConfig } from "./config.ts";
import { parseFlags } from "./flags.ts";

function parse(args: string[], env: Record<string, string> = {}): DaemonConfig {
  const flags = parseFlags({ args, env, home: "/home/ops", cwd: "/work-here", version: "1.2.3" });
  if (flags.kind !== "run") throw new Error(flags.text);
  return flags.config;
}

test("without flags every default is there", () => {
  expect(parse([])).toEqual({
    dataDir: "/home/ops/.local/state/holdfast/data",
    listen: "127.0.0.1:7543",
    tls: undefined,
    callsPerPrincipal: 1_024,
    inventories: [],
    actionsDir: undefined,
    secretsDir: undefined,
    submitTtlMs: 3_600_000,
    diskFreeBytesMin: 256 * 2 ** 20,
    paceConcurrentMax: 8,
    paceIntervalMs: 0,
    graceMs: 5_000,
    sshConnectTimeoutMs: 15_000,
    sshAliveIntervalMs: 10_000,
    sshIdleMs: 300_000,
    logLevel: "info",
  });
});

test("the data directory is the flag's, else HOLDFAST_DATA, else the state directory's", () => {
  expect(parse(["--data", "d"], { HOLDFAST_DATA: "/env" }).dataDir).toBe("/work-here/d");
  expect(parse([], { HOLDFAST_DATA: "/env", XDG_STATE_HOME: "/xdg" }).dataDir).toBe("/env");
  expect(parse([], { XDG_STATE_HOME: "/xdg", HOLDFAST_STATE_DIR: "/client" }).dataDir).toBe("/xdg/holdfast/data");
});

test("several inventories come after one flag, or after several", () => {
  expect(parse(["--inventory", "a.yaml", "b.json", "--listen", "[::1]:0", "--inventory", "c"]).inventories).toEqual([
    "a.yaml",
    "b.json",
    "c",
  ]);
});

test("times and sizes have units, and what has none is refused with what is right", () => {
  expect(parse(["--submit-ttl", "90m", "--disk-free-min", "1GiB", "--pace-interval", "0ms"])).toMatchObject({
    submitTtlMs: 5_400_000,
    diskFreeBytesMin: 2 ** 30,
    paceIntervalMs: 0,
  });
  expect(() => parse(["--submit-ttl", "90"])).toThrow(/submit-ttl.*a number and a unit.*see holdfastd --help/s);
  expect(() => parse(["--disk-free-min", "1GB"])).toThrow(/KiB, MiB, GiB/);
  expect(() => parse(["--pace-concurrent", "0"])).toThrow(/whole number from 1/);
});

test("TLS needs a certificate and its key; files count from the working directory", () => {
  expect(parse(["--tls-cert", "c.pem", "--tls-key", "/k.pem", "--calls-per-principal", "10"])).toMatchObject({
    tls: { cert: "/work-here/c.pem", key: "/k.pem", clientCa: undefined },
    callsPerPrincipal: 10,
  });
  expect(parse(["--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "ca"]).tls?.clientCa).toBe("/work-here/ca");
  expect(() => parse(["--tls-cert", "c"])).toThrow(/needs both --tls-cert and --tls-key; found only --tls-cert/);
  expect(() => parse(["--tls-client-ca", "c"])).toThrow(/found only --tls-client-ca/);
});

test("help and version are printed, not run", () => {
  const world = { env: {}, home: "/h", cwd: "/", version: "1.2.3" };
  expect(parseFlags({ ...world, args: ["--version"] })).toEqual({ kind: "print", text: "1.2.3\n" });
  expect(parseFlags({ ...world, args: ["--help"] })).toMatchObject({
    kind: "print",
    text: expect.stringContaining("--inventory <file...>"),
  });
});
