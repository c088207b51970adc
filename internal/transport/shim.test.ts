import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROGRAMS, SHELLS, orderIn } from "../../test/fakes/shim-programs.ts";
import { encodeOrders, runPath } from "./orders.ts";
import type { Orders } from "./orders.ts";
import { ReplyParser } from "./reply.ts";
import type { Reply } from "./reply.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync("/tmp/hfshim-");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Each shell, as a session's first command finds it, and as a later one does, which has a hand. */
const TURNS = SHELLS.flatMap((shell) => [shell, { ...shell, name: `${shell.name} with a hand`, before: 2 }]);

const anOrder = (changes: Partial<Orders>): Orders => orderIn(dir, changes);

/** Calls the shim as a transport would, under a given shell, after `before` other commands; `cut` keeps back the end of the orders. */
function call(
  shell: { readonly file: string; readonly args: readonly string[]; readonly before?: number },
  orders: Orders,
  { path = process.env["PATH"] ?? "", cut = 0 } = {},
): Promise<Reply | undefined> {
  const bytes = encodeOrders(orders);
  let parser = new ReplyParser(orders.outputBytesMax);
  let before = shell.before ?? 0;
  const child = spawn(shell.file, [...shell.args, "-c", ...PROGRAMS], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { PATH: path, HOME: dir },
  });
  child.stdin.on("error", () => undefined);
  return new Promise((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      if (before > 0) {
        const heard = parser.push(chunk);
        if (heard === "ready" && !parser.isReadyAgain) child.stdin.write(encodeOrders(anOrder({ op: "once", base: orders.base })));
        if (!parser.isReadyAgain) return;
        before -= 1;
        parser = new ReplyParser(orders.outputBytesMax);
        child.stdin.write("\n");
        return;
      }
      if (parser.push(chunk) === "ready") {
        child.stdin.write(bytes.subarray(0, bytes.length - cut));
        if (orders.op !== "once" || cut > 0) child.stdin.end();
      }
      if (parser.reply?.kind === "exited") child.stdin.end();
    });
    child.once("close", () => resolve(parser.reply));
  });
}

test.each(SHELLS)("$name: the shim says which boot of its machine it runs in", (shell) => {
  const { stdout } = spawnSync(shell.file, [...shell.args, "-c", ...PROGRAMS], {
    input: "",
    env: { PATH: process.env["PATH"] ?? "", HOME: dir },
  });
  const parser = new ReplyParser(100);
  parser.push(stdout);
  expect(parser.boot).toBe(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
});

/** Calls one shim with one order after another, each when it is ready again, and ends its input. */
function callInTurn(
  shell: { readonly file: string; readonly args: readonly string[] },
  all: readonly Orders[],
): Promise<{ readonly replies: readonly unknown[]; readonly status: number | null }> {
  const child = spawn(shell.file, [...shell.args, "-c", ...PROGRAMS], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { PATH: process.env["PATH"] ?? "", HOME: dir },
  });
  const replies: unknown[] = [];
  const parsers = all.map((orders) => new ReplyParser(orders.outputBytesMax));
  return new Promise((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      const [parser, orders] = [parsers[replies.length], all[replies.length]];
      if (parser === undefined || orders === undefined) return;
      if (parser.push(chunk) === "ready" && parser.reply === undefined) child.stdin.write(encodeOrders(orders));
      if (!parser.isReadyAgain) return;
      replies.push(printed(parser.reply));
      if (replies.length === all.length) child.stdin.end();
      else child.stdin.write("\n"); // Is it there? It says "ready" once more.
    });
    child.once("close", (status) => resolve({ replies, status }));
  });
}

function printed(reply: Reply | undefined): unknown {
  return reply !== undefined && "stdout" in reply
    ? { ...reply, stdout: Buffer.from(reply.stdout).toString(), stderr: Buffer.from(reply.stderr).toString() }
    : reply;
}

describe.each(TURNS)("under $name", (shell) => {
  const taskKey = `t-${shell.name.replaceAll(" ", "-")}`;

  test("a run keeps its status, and a look finds it", async () => {
    const run = { taskKey: `${taskKey}.1`, attempt: 3 };
    const text = `${String.fromCharCode(...Array.from({ length: 127 }, (_, i) => i + 1))}'"\\ $(x) \`y\` Äß漢\n`;
    const env = { VALUE: text, PATH: "/usr/bin:/bin", hf_path: "mine", IFS: "x" };
    const argv = ["sh", "-c", 'printf "%s" "$1"; cat; printf "%s" "$VALUE$hf_path" >&2; exit 7', "-x", text];
    const expected = { kind: "exited", status: 7, stdout: `${text}input`, stderr: `${text}mine` };
    expect(printed(await call(shell, anOrder({ run, argv, env, stdin: Buffer.from("input") })))).toEqual(expected);
    expect(printed(await call(shell, anOrder({ op: "look", run })))).toEqual(expected);
    expect(readFileSync(`${dir}/runs/${runPath(run.taskKey)}/3.status`, "utf8")).toMatch(/^exited 7 \d+ \d+ \.\n$/);
  });

  test("arguments and environment may hold bytes that are no UTF-8", async () => {
    const run = { taskKey: `${taskKey}.bytes`, attempt: 1 };
    const bytes = Buffer.from(Array.from({ length: 128 }, (_, i) => 128 + i)).toString("latin1");
    const reply = await call(shell, anOrder({ run, argv: ["printf", "%s", bytes] }));
    expect(printed(reply)).toMatchObject({ kind: "exited", stdout: bytes });
  });

  test("a reader that is late loses nothing of what was printed before the end", async () => {
    // A reader has the pipe as its input once it is under way; a hand is known by its name.
    const stopReaders = `pipe=$(readlink /proc/$$/fd/1)
      until [ "$#" -eq 1 ]; do
        set --
        for p in $(cat /proc/$PPID/task/$PPID/children); do
          if [ "$(cat /proc/$p/comm)" = perl ] || [ "$(readlink /proc/$p/fd/0 2>/dev/null)" = "$pipe" ]; then set -- "$@" "$p"; fi
        done
      done
      kill -s STOP "$1"
      ( sleep 2.5; kill -s CONT "$1" ) >/dev/null 2>&1 &
      echo late`;
    const run = { taskKey: `${taskKey}.7`, attempt: 1 };
    const reply = await call(shell, anOrder({ run, argv: ["sh", "-c", stopReaders] }));
    expect(printed(reply)).toMatchObject({ kind: "exited", status: 0, stdout: "late\n", stderr: "" });
  });

  test("what is left in the background holds up the answer for a second", async () => {
    const run = { taskKey: `${taskKey}.8`, attempt: 1 };
    const started = performance.now();
    const reply = await call(shell, anOrder({ run, argv: ["sh", "-c", "sleep 20 & echo begun; echo odd >&2"] }));
    expect(printed(reply)).toMatchObject({ kind: "exited", stdout: "begun\n", stderr: "odd\n" });
    expect(performance.now() - started).toBeLessThan(15_000);
    spawnSync("sh", ["-c", `kill -s KILL -- "-$(cut -d " " -f 2 "${dir}/runs/${run.taskKey}/holder")"`]);
  });

  test("a timeout and a stop end the group", async () => {
    const run = { taskKey: `${taskKey}.2`, attempt: 1 };
    const argv = ["sh", "-c", 'trap "" TERM; echo begun; sleep 30 & wait'];
    expect(printed(await call(shell, anOrder({ run, argv, timeoutMs: 300 })))).toMatchObject({ kind: "timed-out", stdout: "begun\n" });
    const mark = `${dir}/${taskKey}.mark`;
    const running = call(shell, anOrder({ run: { ...run, attempt: 2 }, argv: ["sh", "-c", `trap "" TERM; echo >${mark}; sleep 30`] }));
    while (!existsSync(mark)) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await call(shell, anOrder({ op: "stop", run: { ...run, attempt: 2 } }))).toEqual({ kind: "cancelled" });
    expect(await running).toEqual({ kind: "cancelled" });
  });

  test("orders that are cut off start nothing, neither do those whose stdin is", async () => {
    const run = { taskKey: `${taskKey}.3`, attempt: 1 };
    const argv = ["touch", `${dir}/${taskKey}.cut`];
    for (const cut of [1, 2, 3, 20]) expect(await call(shell, anOrder({ run, argv }), { cut })).toBeUndefined();
    expect(await call(shell, anOrder({ run, argv, stdin: Buffer.alloc(1_000) }), { cut: 1 })).toBeUndefined();
    expect(existsSync(`${dir}/${taskKey}.cut`)).toBe(false);
  });

  test("what look called absent starts only with the fence that look raised", async () => {
    const run = { taskKey: `${taskKey}.4`, attempt: 1 };
    expect(await call(shell, anOrder({ op: "look", run }))).toEqual({ kind: "absent", hasBegun: false });
    expect(await call(shell, anOrder({ run }))).toEqual({ kind: "voided", fence: 1 });
    expect(await call(shell, anOrder({ run, fence: 1 }))).toMatchObject({ kind: "exited", status: 0 });
  });

  test("a run that began and left no status is not begun again by the same life", async () => {
    const run = { taskKey: `${taskKey}.5`, attempt: 1 };
    await call(shell, anOrder({ run }));
    rmSync(`${dir}/runs/${runPath(run.taskKey)}/1.status`);
    expect(await call(shell, anOrder({ run }))).toEqual({ kind: "died" });
    expect(await call(shell, anOrder({ op: "look", run }))).toEqual({ kind: "absent", hasBegun: true });
    expect(await call(shell, anOrder({ run, fence: 1 }))).toMatchObject({ kind: "exited" });
  });

  test.each(["", "exited", "exited 0", "exited 0 0 0", "exited 0 0 0 "])("a status torn to %j is none", async (torn) => {
    const run = { taskKey: `${taskKey}.6`, attempt: torn.length + 1 };
    await call(shell, anOrder({ run }));
    writeFileSync(`${dir}/runs/${runPath(run.taskKey)}/${run.attempt}.status`, torn);
    expect(await call(shell, anOrder({ op: "look", run }))).toMatchObject({ kind: "absent" });
  });

  test("a status whose output was lost with the machine's power still tells the exit status", async () => {
    const run = { taskKey: `${taskKey}.7`, attempt: 1 };
    await call(shell, anOrder({ run, argv: ["echo", "hello"] }));
    writeFileSync(`${dir}/runs/${runPath(run.taskKey)}/1.out`, "he");
    expect(printed(await call(shell, anOrder({ op: "look", run })))).toMatchObject({ kind: "exited", status: 0, stdout: "he" });
  });

  test("a read-only command ends when its input does, and leaves no directory behind", async () => {
    const mark = `${dir}/${taskKey}.once`;
    const orders = anOrder({ op: "once", base: `${dir}/once-${taskKey}`, argv: ["sh", "-c", `echo >${mark}; sleep 30`] });
    const child = spawn(shell.file, [...shell.args, "-c", ...PROGRAMS], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { PATH: process.env["PATH"] ?? "", HOME: dir },
    });
    child.stdin.write(encodeOrders(orders));
    while (!existsSync(mark)) await new Promise((resolve) => setTimeout(resolve, 5));
    child.stdin.end();
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
    expect(spawnSync("ls", [`${dir}/once-${taskKey}/tmp`]).stdout.toString()).toBe("");
  });

  test("a tool that is missing is named", async () => {
    const bin = mkdtempSync(`${dir}/bin-`);
    for (const tool of ["setsid", "head", "cat"]) spawnSync("ln", ["-s", `/usr/bin/${tool}`, bin]);
    expect(await call({ ...shell, file: spawnSync("which", [shell.file]).stdout.toString().trim() }, anOrder({}), { path: bin })).toEqual({
      kind: "missing",
      tool: "flock",
    });
  });
});

describe.each(SHELLS)("one shim for several orders under $name", (shell) => {
  const taskKey = `s-${shell.name.replaceAll(" ", "-")}`;

  const base = `${taskKey}/turns`;
  /** Tells what a command finds: its open files, input, environment and place, and whether it dies of SIGPIPE. */
  const look = 'ls /proc/self/fd | wc -l; cat; echo "$LEFT"; pwd; kill -s PIPE $$';
  const once = (script: string, changes: Partial<Orders> = {}): Orders =>
    anOrder({ op: "once", base: `${dir}/${base}`, argv: ["sh", "-c", script], ...changes });
  const run = (attempt: number, script: string, changes: Partial<Orders> = {}): Orders =>
    once(script, { op: "run", run: { taskKey: "turn", attempt }, ...changes });
  const scratch = (): string => spawnSync("ls", [`${dir}/${base}/tmp`]).stdout.toString();

  test("each command finds nothing of the one before", async () => {
    const change = { env: { LEFT: "behind" }, stdin: Buffer.from("input\n"), cwd: "/tmp" };
    const alone = (await callInTurn(shell, [once(look), run(1, look)])).replies;
    const { replies, status } = await callInTurn(shell, [
      once(look, change),
      once(look),
      run(2, look, change),
      run(2, "echo again"),
      run(3, look),
      anOrder({ op: "look", base: `${dir}/${base}`, run: { taskKey: "turn", attempt: 3 } }),
    ]);
    const changed = { kind: "exited", status: 141, stdout: expect.stringMatching(/^\d+\ninput\nbehind\n\/tmp\n$/), stderr: "" };
    expect(alone).toMatchObject([{ status: 141 }, { status: 141 }]);
    expect(replies).toEqual([changed, alone[0], changed, replies[2], alone[1], alone[1]]);
    expect([status, scratch()]).toEqual([0, ""]);
  });

  test("a command after one that ended badly is as any other", async () => {
    const alone = (await callInTurn(shell, [once(look)])).replies;
    const { replies, status } = await callInTurn(shell, [
      once("echo out; sleep 3 & exit 3"),
      once(look),
      once("sleep 20", { timeoutMs: 200 }),
      once("sleep 20", { timeoutMs: 200 }),
      run(4, "printf %20000d 1 >&2; printf %20000d 1; exit 4", { outputBytesMax: 1_000 }),
      once(look),
    ]);
    expect(replies).toMatchObject([
      { status: 3, stdout: "out\n" },
      { status: 141 },
      { kind: "timed-out" },
      { kind: "timed-out" },
      { status: 4, stdout: " ".repeat(1_001), stderr: expect.stringMatching(/^ {1999} *1$/) },
      { status: 141 },
    ]);
    expect([replies[1], replies[5]]).toEqual([alone[0], alone[0]]);
    expect([status, scratch()]).toEqual([0, ""]);
  });

  test("input of a command that was not started is never read as orders", async () => {
    const run = { taskKey: `${taskKey}.9`, attempt: 1 };
    const [mark, other] = [`${dir}/${taskKey}.orders`, { taskKey: `${taskKey}.10`, attempt: 1 }];
    const stdin = encodeOrders(anOrder({ run: other, argv: ["touch", mark] }));
    await call(shell, anOrder({ op: "look", run }));
    expect(await call(shell, anOrder({ run, stdin }))).toEqual({ kind: "voided", fence: 1 });
    await call(shell, anOrder({ run, fence: 1 }));
    expect(await call(shell, anOrder({ run, stdin }))).toMatchObject({ kind: "exited" });
    expect([existsSync(mark), existsSync(`${dir}/runs/${runPath(other.taskKey)}`)]).toEqual([false, false]);
  });
});

describe.each(SHELLS)("heartbeats under $name", (shell) => {
  const taskKey = `h-${shell.name.replaceAll(" ", "-")}`;

  test("what prints nothing for its heartbeat is ended, and when it was last heard is kept", async () => {
    const run = { taskKey: `${taskKey}.10`, attempt: 1 };
    const silent = { timeoutMs: 60_000, heartbeatMs: 1_800 };
    const spoke = await call(shell, anOrder({ run, argv: ["sh", "-c", "echo begun; sleep 1; echo on; sleep 300"], ...silent }));
    expect(printed(spoke)).toMatchObject({ kind: "timed-out", stdout: "begun\non\n" });
    expect(spoke?.kind === "timed-out" ? spoke.status : 0).toBeGreaterThanOrEqual(3); // a second after its start at least, and two
    expect(await call(shell, anOrder({ op: "look", run }))).toEqual(spoke);
    const mute = await call(shell, anOrder({ run: { ...run, attempt: 2 }, argv: ["sleep", "300"], ...silent }));
    expect(printed(mute)).toMatchObject({ kind: "timed-out", status: 1, stdout: "" });
  });

  test("what prints within its heartbeat goes on, however much it has printed, on whichever stream", async () => {
    const run = { taskKey: `${taskKey}.11`, attempt: 1 };
    const lines = (to: string): string =>
      `printf %2000s x >&${to}; i=0; while [ $i -lt 8 ]; do echo on >&${to}; sleep 0.3; i=$((i + 1)); done`;
    const script = `${lines("1")}; ${lines("2")}; exit 7`;
    const order = anOrder({ run, argv: ["sh", "-c", script], timeoutMs: 60_000, heartbeatMs: 1_500, outputBytesMax: 40 });
    expect(printed(await call(shell, order))).toMatchObject({ kind: "exited", status: 7 });
  });
});
