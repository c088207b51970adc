// The Transport contract on the service's own host, and what is only true there.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { Become, TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { createTransport } from "../../internal/transport/transport.ts";
import { aCommand, shown, transportOptions } from "./transport-bench.ts";
import { transportContract } from "./transport-contract.ts";

transportContract("local", async () => {
  const dir = mkdtempSync("/tmp/hfl-");
  mkdirSync(`${dir}/root`);
  return {
    target: create(TargetSchema, { name: "web-01", connection: { kind: { case: "local", value: { root: `${dir}/root` } } } }),
    runsDir: `${dir}/s/runs`,
    options: transportOptions(dir),
    async dispose() {
      rmSync(dir, { recursive: true, force: true });
    },
  };
});

describe("a local target", () => {
  const dir = mkdtempSync("/tmp/hfl-");
  const transports: Array<{ close(): Promise<void> }> = [];
  afterAll(async () => {
    await Promise.all(transports.map((transport) => transport.close()));
    rmSync(dir, { recursive: true, force: true });
  });
  const aTransport = (changes: Parameters<typeof transportOptions>[1] = {}): ReturnType<typeof createTransport> => {
    const transport = createTransport(transportOptions(dir, changes));
    transports.push(transport);
    return transport;
  };
  const aTarget = (root: string, become: Become = Become.UNSPECIFIED): Target =>
    create(TargetSchema, { name: "web-01", connection: { kind: { case: "local", value: { root } }, become } });

  test("runs in its root, in a directory below it, or in any other that is named; without a root in the home directory", async () => {
    mkdirSync(`${dir}/root/below`, { recursive: true });
    const where = async (root: string, cwd?: string): Promise<unknown> =>
      shown(await aTransport().run(aTarget(root), aCommand({ argv: ["pwd"], ...(cwd === undefined ? {} : { cwd }) })))["stdout"];
    expect(await where(`${dir}/root`)).toBe(`${dir}/root\n`);
    expect(await where(`${dir}/root`, "below")).toBe(`${dir}/root/below\n`);
    expect(await where(`${dir}/root`, "/usr")).toBe("/usr\n");
    expect(await where("")).toBe(`${dir}\n`);
    expect(await where("", "root")).toBe(`${dir}/root\n`);
  });

  test("a root that is missing or no directory is unreachable, and a working directory that is missing is the command's failure", async () => {
    expect(await aTransport().run(aTarget(`${dir}/none`), aCommand({ argv: ["true"] }))).toEqual({
      kind: "unreachable",
      message: `target "web-01": its root "${dir}/none" does not exist or cannot be read; create it, or correct "connection.local.root" in the inventory`,
    });
    expect(await aTransport().run(aTarget("/etc/passwd"), aCommand({ argv: ["true"] }))).toMatchObject({ kind: "unreachable" });
    const result = await aTransport().run(aTarget(""), aCommand({ argv: ["true"], cwd: `${dir}/none` }));
    expect(shown(result)).toMatchObject({
      kind: "exited",
      status: 127,
      stderr: `holdfast: cannot enter the working directory ${dir}/none\n`,
    });
  });

  test("inherits PATH, HOME and LANG of the service and nothing else", async () => {
    const transport = aTransport({ env: { PATH: "/usr/bin:/bin", HOME: dir, LANG: "C.UTF-8", SECRET: "x", HOLDFAST_TOKEN: "y" } });
    const names = String(shown(await transport.run(aTarget(""), aCommand({ argv: ["env"], env: { MINE: "1" } })))["stdout"])
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0]);
    expect(names.toSorted((a = "", b = "") => a.localeCompare(b))).toEqual(["HOME", "LANG", "MINE", "PATH", "PWD"]);
  });

  test("a host without flock is named with what it lacks", async () => {
    const bin = mkdtempSync(`${dir}/bin-`);
    const result = await aTransport({ env: { PATH: bin } }).run(aTarget(""), aCommand({ argv: ["true"] }));
    expect(result).toEqual({
      kind: "unreachable",
      message: 'target "web-01": "flock" is not in its PATH; install it there (commands need sh, coreutils, flock and setsid)',
    });
  });

  test("sudo that is missing, or wants a password, is unreachable and says what to do", async () => {
    const bin = mkdtempSync(`${dir}/bin-`);
    const target = aTarget("", Become.SUDO);
    const run = async (path: string): Promise<unknown> =>
      aTransport({ env: { PATH: path, HOME: dir } }).run(target, aCommand({ argv: ["true"], run: { taskKey: "sudo", attempt: 1 } }));
    expect(await run(bin)).toMatchObject({ kind: "unreachable", message: expect.stringContaining("sudo is not installed") });
    writeFileSync(`${bin}/sudo`, '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n', { mode: 0o755 });
    expect(await run(`${bin}:/usr/bin:/bin`)).toMatchObject({ kind: "unreachable", message: expect.stringContaining("NOPASSWD") });
  });

  test("two hundred commands at once all end, and all that they printed is there", async () => {
    const transport = aTransport();
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        transport.run(aTarget(""), aCommand({ argv: ["echo", `${n}`], run: { taskKey: `many.${n}`, attempt: 1 } })),
      ),
    );
    expect(results.map((result) => shown(result)["stdout"])).toEqual(Array.from({ length: 200 }, (_, n) => `${n}\n`));
  });
});
