// The contract of the Transport port, run by every kind of connection with real processes: one call of `transportContract` per kind.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HostCommand } from "../../internal/engine/ports.ts";
import { createTransport } from "../../internal/transport/transport.ts";
import { TransportBench, aCommand, aRun, aScript, isAlive, until } from "./transport-bench.ts";
import type { TransportPlace } from "./transport-bench.ts";

/** Everything that every transport must do. */
export function transportContract(name: string, open: () => Promise<TransportPlace>): void {
  describe(`transport over ${name}`, () => {
    const bench = new TransportBench(open);
    beforeAll(() => bench.open());
    afterAll(() => bench.close());
    describe("a run", () => {
      everyCommand(bench, { hasRun: true });
    });
    describe("a read-only command", () => {
      everyCommand(bench, { hasRun: false });
    });
    overlaps(bench);
    looks(bench);
    lives(bench);
  });
}

type Kept = () => Partial<HostCommand>;

function everyCommand(bench: TransportBench, { hasRun }: { readonly hasRun: boolean }): void {
  const kept = (): Partial<HostCommand> => (hasRun ? { run: aRun() } : {});
  statuses(bench, kept);
  bytes(bench, { kept, hasRun });
  endings(bench, kept);
}

function statuses({ run }: TransportBench, kept: Kept): void {
  test.each([0, 1, 3, 124, 127, 137, 143, 255])("tells exit status %i", async (status) => {
    expect(await run(aScript(`echo out; echo err >&2; exit ${status}`, kept()))).toEqual({
      kind: "exited",
      status,
      stdout: "out\n",
      stderr: "err\n",
      isTruncated: false,
    });
  });

  test.each([
    ["INT", 130],
    ["KILL", 137],
    ["TERM", 143],
    ["PIPE", 141],
  ])("tells death by SIG%s as 128 + n", async (signal, status) => {
    expect(await run(aScript(`kill -s ${signal} $$`, kept()))).toMatchObject({ kind: "exited", status });
  });
}

function bytes(bench: TransportBench, { kept, hasRun }: { readonly kept: Kept; readonly hasRun: boolean }): void {
  const { run } = bench;

  test("keeps stdin, arguments and environment exact", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const text = `${Buffer.from(Array.from({ length: 127 }, (_, i) => i + 1)).toString("latin1")}'"$(x)\\ÄÖ漢\n\n`;
    const script = 'cat; printf "[%s][%s]" "$1" "$VALUE" >&2';
    const result = await bench.transport.run(
      bench.place.target,
      aCommand({ argv: ["sh", "-c", script, "sh", text], env: { VALUE: text }, stdin: bytes, ...kept() }),
    );
    expect(result).toEqual({ kind: "exited", status: 0, stdout: bytes, stderr: Buffer.from(`[${text}][${text}]`), isTruncated: false });
  });

  test("passes a megabyte of stdin whole", async () => {
    const stdin = Buffer.alloc(1_000_000, "x");
    expect(await run(aScript("wc -c", { stdin, ...kept() }))).toMatchObject({ status: 0, stdout: "1000000\n" });
  });

  test("has the command's own environment, PATH, HOME, and nothing of the shim", async () => {
    const result = await run(aScript("env", { env: { PATH: "/usr/bin:/bin", GREETING: "hi" }, ...kept() }));
    expect(result["stdout"]).toContain("GREETING=hi\n");
    expect(result["stdout"]).toContain("PATH=/usr/bin:/bin\n");
    expect(result["stdout"]).not.toContain("hf_");
    expect(String(result["stdout"]).includes("HOLDFAST_TASK_KEY=task.")).toBe(hasRun);
  });

  test("keeps the beginning of ten megabytes of stdout and the end of stderr, and the command neither blocks nor dies", async () => {
    const script = "echo first; head -c 10485760 /dev/zero; head -c 10485760 /dev/zero >&2; echo last >&2; exit 5";
    const result = await bench.transport.run(bench.place.target, aScript(script, { outputBytesMax: 1_000, ...kept() }));
    expect(result).toMatchObject({ kind: "exited", status: 5, isTruncated: true });
    if (result.kind !== "exited") return;
    expect([result.stdout.length, result.stderr.length]).toEqual([1_000, 1_000]);
    expect(Buffer.from(result.stdout).subarray(0, 6).toString()).toBe("first\n");
    expect(Buffer.from(result.stderr).subarray(-5).toString()).toBe("last\n");
  });

  test("output of exactly the bound is whole, one byte more is not", async () => {
    expect(await run(aScript("printf 12345; printf 12345 >&2", { outputBytesMax: 5, ...kept() }))).toMatchObject({
      stdout: "12345",
      stderr: "12345",
      isTruncated: false,
    });
    expect(await run(aScript("printf 123456", { outputBytesMax: 5, ...kept() }))).toMatchObject({ stdout: "12345", isTruncated: true });
    expect(await run(aScript("printf 123456 >&2", { outputBytesMax: 5, ...kept() }))).toMatchObject({
      stderr: "23456",
      isTruncated: true,
    });
  });
}

function endings(bench: TransportBench, kept: Kept): void {
  const { run, file } = bench;

  test("a timeout ends the whole group, with a grandchild that ignores TERM", async () => {
    const pid = file();
    const script = `(trap "" TERM; echo $$ >${pid}.parent; sh -c 'echo $$ >${pid}; while :; do sleep 1; done') & echo begun; wait; while :; do sleep 1; done`;
    expect(await run(aScript(script, { timeoutMs: 600, ...kept() }))).toEqual({ kind: "timed-out", stdout: "begun\n", stderr: "" });
    expect(isAlive(pid)).toBe(false);
  });

  test("what gives no sign of life for its heartbeat is ended, and says when it was last heard; what prints goes on", async () => {
    expect(await run(aScript("echo begun; sleep 300", { heartbeatMs: 900, ...kept() }))).toEqual({
      kind: "timed-out",
      stdout: "begun\n",
      stderr: "",
      silence: { heardAfterS: expect.any(Number) },
    });
    const talking = "for i in 1 2 3 4 5 6; do echo $i >&2; sleep 0.5; done; exit 3";
    expect(await run(aScript(talking, { heartbeatMs: 2_000, ...kept() }))).toMatchObject({ kind: "exited", status: 3 });
  });

  test("an abort ends the whole group, with a grandchild that ignores TERM", async () => {
    const pid = file();
    const abort = new AbortController();
    const running = run(
      aScript(`(trap "" TERM; sh -c 'echo $$ >${pid}; while :; do sleep 1; done') & wait`, { signal: abort.signal, ...kept() }),
    );
    await until(() => existsSync(pid) && readFileSync(pid, "utf8").endsWith("\n"));
    abort.abort();
    expect(await running).toEqual({ kind: "cancelled" });
    expect(isAlive(pid)).toBe(false);
  });

  test("an abort before the start starts nothing", async () => {
    const mark = file();
    expect(await run(aScript(`touch ${mark}`, { signal: AbortSignal.abort(), ...kept() }))).toEqual({ kind: "unbegun" });
    expect(await run(aScript(`touch ${mark}`, { mayBegin: () => false, ...kept() }))).toEqual({ kind: "unbegun" });
    expect(existsSync(mark)).toBe(false);
  });

  test("a command that does not exist exits with 127 and says so", async () => {
    const result = await run(aCommand({ argv: ["no-such-command"], ...kept() }));
    expect(result).toMatchObject({ kind: "exited", status: 127 });
    expect(result["stderr"]).toContain("no-such-command");
  });

  test("NUL bytes and names that are none are refused", async () => {
    await expect(bench.transport.run(bench.place.target, aCommand({ argv: ["echo", "a\0b"], ...kept() }))).rejects.toThrow(
      /argv\[1\]: holds a NUL byte/,
    );
    await expect(bench.transport.run(bench.place.target, aCommand({ argv: ["env"], env: { "A B": "" }, ...kept() }))).rejects.toThrow(
      /"A B" cannot be set/,
    );
  });
}

function overlaps({ run, look, file }: TransportBench): void {
  test("a process that a run leaves in the background keeps neither the answer nor the lock", async () => {
    const [ref, pid] = [aRun(), file()];
    const result = await run(
      aScript(`sh -c 'echo $$ >${pid}; exec sleep 30' & until [ -s ${pid} ]; do sleep 0.01; done; echo out; echo started >&2; exit 4`, {
        run: ref,
      }),
    );
    expect(result).toEqual({ kind: "exited", status: 4, stdout: "out\n", stderr: "started\n", isTruncated: false });
    expect(await run(aScript("echo next", { run: { ...ref, attempt: 2 } }))).toMatchObject({ stdout: "next\n" });
    expect(isAlive(pid)).toBe(true);
    process.kill(Number(readFileSync(pid, "utf8")), "SIGKILL");
  });

  test("the same run twice, at once and later, runs once", async () => {
    const [ref, count] = [aRun(), file()];
    const command = aScript(`echo x >>${count}; sleep 0.3; echo done`, { run: ref });
    const results = await Promise.all([run(command), run(command), run(command)]);
    for (const result of [...results, await run(command)]) expect(result).toMatchObject({ kind: "exited", stdout: "done\n" });
    expect(readFileSync(count, "utf8")).toBe("x\n");
  });

  test("two attempts of a task never overlap, and the second waits no longer than its timeout", async () => {
    const [ref, log] = [aRun(), file()];
    const first = run(aScript(`echo in >>${log}; sleep 1.5; echo out >>${log}`, { run: ref }));
    await until(() => existsSync(log));
    expect(await run(aScript("true", { run: { ...ref, attempt: 2 }, timeoutMs: 300 }))).toMatchObject({
      kind: "unreachable",
      message: expect.stringContaining("another run of this task"),
    });
    await run(aScript(`echo in >>${log}; echo out >>${log}`, { run: { ...ref, attempt: 3 } }));
    await first;
    expect(readFileSync(log, "utf8")).toBe("in\nout\nin\nout\n");
  });

  test("an attempt that waits for another is cancelled without harm to that", async () => {
    const [ref, mark, abort] = [aRun(), file(), new AbortController()];
    const first = run(aScript(`echo >${mark}; sleep 3; echo first`, { run: ref }));
    await until(() => existsSync(mark));
    const second = run(aScript(`echo >${mark}.second`, { run: { ...ref, attempt: 2 }, signal: abort.signal }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    abort.abort();
    expect(await second).toEqual({ kind: "cancelled" });
    expect(await first).toMatchObject({ kind: "exited", stdout: "first\n" });
    expect(await look({ ...ref, attempt: 2 })).toMatchObject({ kind: "cancelled" });
    expect(existsSync(`${mark}.second`)).toBe(false);
  });
}

function looks(bench: TransportBench): void {
  const { run, look, file, runDir } = bench;

  test("look tells what run told, and absent for what never ran", async () => {
    const ref = aRun();
    const result = await run(aScript("echo out; echo err >&2; exit 9", { run: ref }));
    expect(await look(ref)).toEqual(result);
    expect(await look({ ...ref, attempt: 2 })).toEqual({ kind: "absent" });
    expect(await look(aRun())).toEqual({ kind: "absent" });
  });

  test("a run that look called absent can be run by this life", async () => {
    const ref = aRun();
    expect(await look(ref)).toEqual({ kind: "absent" });
    expect(await run(aScript("echo now", { run: ref }))).toMatchObject({ kind: "exited", stdout: "now\n" });
  });

  test("look ends a run that goes on past the timeout", async () => {
    const [ref, pid] = [aRun(), file()];
    const running = run(aScript(`echo $$ >${pid}; exec sleep 60`, { run: ref }));
    await until(() => existsSync(pid) && readFileSync(pid, "utf8").endsWith("\n"));
    expect(await look(ref, { timeoutMs: 300 })).toMatchObject({ kind: "timed-out" });
    expect(isAlive(pid)).toBe(false);
    expect(await running).toMatchObject({ kind: "timed-out" });
  });

  test("an abort of look ends the run", async () => {
    const [ref, pid, abort] = [aRun(), file(), new AbortController()];
    const running = run(aScript(`echo $$ >${pid}; exec sleep 60`, { run: ref }));
    await until(() => existsSync(pid) && readFileSync(pid, "utf8").endsWith("\n"));
    const looking = look(ref, { signal: abort.signal });
    abort.abort();
    expect(await looking).toEqual({ kind: "cancelled" });
    expect(await running).toEqual({ kind: "cancelled" });
    expect(isAlive(pid)).toBe(false);
  });

  test("a torn status is no status", async () => {
    const ref = aRun();
    await run(aScript("echo whole", { run: ref }));
    expect(await look(ref)).toMatchObject({ kind: "exited" }); // The answer comes a moment before the status is on disk, under the lock.
    writeFileSync(`${runDir(ref)}/1.status`, "exited 0 6");
    expect(await look(ref)).toEqual({ kind: "absent" });
  });
}

function lives(bench: TransportBench): void {
  const { run, look, file, runDir, startService } = bench;

  test("a run whose shim was killed holds its lock as long as it lives, and then is absent; it is not run again unseen", async () => {
    const [ref, count] = [aRun(), file()];
    const script = `echo x >>${count}; sleep 1; echo y >>${count}`;
    const running = run(aScript(script, { run: ref }));
    await until(() => existsSync(count));
    const pid = Number(readFileSync(`${runDir(ref)}/holder`, "utf8").split(" ")[1]);
    process.kill(Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1]), "SIGKILL");
    expect(await running).toMatchObject({ kind: "unknown" });
    expect(readFileSync(count, "utf8")).toBe("x\ny\n");
    expect(await look(ref)).toEqual({ kind: "absent" });
  });

  test("a command goes on when the service is killed, and a new life learns its real status", async () => {
    const [ref, mark] = [aRun(), file()];
    const service = startService(`echo >${mark}; sleep 1.5; echo survived; exit 6`, ref);
    await until(() => existsSync(mark));
    service.kill("SIGKILL");
    await new Promise((resolve) => service.once("exit", resolve));
    expect(await look(ref)).toEqual({ kind: "exited", status: 6, stdout: "survived\n", stderr: "", isTruncated: false });
  });

  test("a command that ended while the service was dead is settled by its status", async () => {
    const [ref, mark] = [aRun(), file()];
    const service = startService(`echo >${mark}; until [ -e ${mark}.go ]; do sleep 0.01; done; exit 8`, ref);
    await until(() => existsSync(mark));
    service.kill("SIGKILL");
    await new Promise((resolve) => service.once("exit", resolve));
    writeFileSync(`${mark}.go`, "");
    await until(() => existsSync(`${runDir(ref)}/1.status`));
    expect(await look(ref)).toMatchObject({ kind: "exited", status: 8 });
  });

  test("old run directories are swept, and one whose lock is held is not", async () => {
    const [old, held, fresh, mark] = [aRun(), aRun(), aRun(), file()];
    await run(aScript("true", { run: old }));
    const running = run(aScript(`echo >${mark}; until [ -e ${mark}.go ]; do sleep 0.01; done`, { run: held }));
    await until(() => existsSync(mark));
    spawnSync("touch", ["-d", "8 days ago", runDir(old), runDir(held)]);
    const [oldDir, heldDir] = [runDir(old), runDir(held)];
    const sweeping = createTransport(bench.place.options);
    await sweeping.run(bench.place.target, aScript("true", { run: fresh }));
    await until(() => !existsSync(oldDir));
    expect(existsSync(heldDir)).toBe(true);
    writeFileSync(`${mark}.go`, "");
    expect(await running).toMatchObject({ kind: "exited", status: 0 });
    await sweeping.close();
  });
}
