import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { PROGRAMS, SHELLS, orderIn } from "../../test/fakes/shim-programs.ts";
import { temporaryDirectory } from "../../test/fakes/temp-directory.ts";
import { encodeOrders, runPath } from "./orders.ts";
import type { Orders } from "./orders.ts";
import { ReplyParser } from "./reply.ts";

interface Shell {
  readonly file: string;
  readonly args: readonly string[];
}

// Under strace, or on a busy machine, a hundred processes take their time.
vi.setConfig({ testTimeout: 60_000 });

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const comm = (pid: number): string => {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8")) ? "" : readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
};

/** A shim that serves one order after another. */
class Session {
  readonly dir = temporaryDirectory();
  readonly child;
  #turns = 0;

  constructor(shell: Shell, path = process.env["PATH"] ?? "") {
    this.child = spawn(shell.file, [...shell.args, "-c", ...PROGRAMS], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { PATH: path, HOME: this.dir },
    });
    this.child.stdin.on("error", () => undefined); // A shim that was killed.
  }

  get shim(): number {
    return this.child.pid ?? 0;
  }

  /** Its hand; 0: it has none. */
  get hand(): number {
    const children = readFileSync(`/proc/${this.shim}/task/${this.shim}/children`, "utf8").trim().split(" ").map(Number);
    return children.find((pid) => comm(pid) === "perl") ?? 0;
  }

  async ask(script: string, changes: Partial<Orders> = {}): Promise<Record<string, unknown>> {
    const run = { taskKey: "hand", attempt: (this.#turns += 1) };
    const orders = orderIn(this.dir, { run, timeoutMs: 20_000, outputBytesMax: 1_000, argv: ["sh", "-c", script], ...changes });
    const parser = new ReplyParser(orders.outputBytesMax);
    if (this.#turns > 1) this.child.stdin.write("\n");
    return new Promise((resolve) => {
      const hear = (chunk: Buffer): void => {
        if (parser.push(chunk) === "ready" && parser.reply === undefined) this.child.stdin.write(encodeOrders(orders));
        if (parser.reply === undefined || !parser.isReadyAgain) return;
        this.child.stdout.off("data", hear);
        const { reply } = parser;
        resolve("stdout" in reply ? { ...reply, stdout: String(reply.stdout), stderr: String(reply.stderr) } : { ...reply });
      };
      this.child.stdout.on("data", hear);
    });
  }

  /** Asks for commands until it has a hand. */
  async warm(): Promise<this> {
    for (const turn of [1, 2, 3]) expect(await this.ask(`exit ${turn}`)).toMatchObject({ kind: "exited", status: turn });
    return this;
  }

  status(attempt: number): string {
    return readFileSync(`${this.dir}/runs/${runPath("hand")}/${attempt}.status`, "utf8");
  }
}

const sessions: Session[] = [];
afterEach(() => {
  for (const { child } of sessions.splice(0)) child.kill("SIGKILL");
});
const open = (...of: ConstructorParameters<typeof Session>): Session => {
  const session = new Session(...of);
  sessions.push(session);
  return session;
};

describe.each(SHELLS)("the hand of a session under $name", (shell) => {
  test("is there from the second command on, and ends with the session", async () => {
    const session = open(shell);
    await session.ask("true");
    expect(session.hand).toBe(0);
    await session.ask("true");
    const { hand } = session;
    expect(hand).toBeGreaterThan(0);
    expect(await session.ask("echo out; echo err >&2; exit 3")).toEqual({ kind: "exited", status: 3, stdout: "out\n", stderr: "err\n" });
    expect([session.hand, session.status(3)]).toEqual([hand, "exited 3 4 4 .\n"]);
    session.child.stdin.end();
    await until(() => session.child.exitCode !== null && comm(hand) === "");
    expect([session.child.exitCode, readdirSync(`${session.dir}/runs/tmp`)]).toEqual([0, []]);
  });

  test("keeps of the output what the shim itself keeps", async () => {
    const session = open(shell);
    for (const size of [0, 1, 999, 1_000, 1_001, 2_000, 2_001, 2_002, 9_000, 300_000]) {
      const script = `head -c ${size} /dev/zero | tr "\\0" x; printf begin >&2; head -c ${size} /dev/zero | tr "\\0" y >&2; printf end >&2`;
      const alone = await open(shell).ask(script, { op: "once" });
      expect([await session.ask(script), await session.ask(script, { op: "once" })], `${size}`).toEqual([alone, alone]);
    }
  });

  test.skipIf(spawnSync("strace", ["-V"]).error !== undefined)("syncs a status and its output before the status has its name", async () => {
    const trace = `${temporaryDirectory()}/trace`;
    const calls = ["-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "-o", trace];
    const session = open({ file: "strace", args: [...calls, shell.file, ...shell.args] });
    for (const turn of [1, 2, 3]) expect(await session.ask(`echo ${turn}; echo ${turn} >&2`)).toMatchObject({ kind: "exited" });
    const lines = readFileSync(trace, "utf8")
      .split("\n")
      .map((line) => /(sync|rename).*\/3\.(\w+)/.exec(line));
    const seen = lines.flatMap((found) => (found === null ? [] : [`${found[1]} ${found[2]}`]));
    expect([seen.at(0), seen.slice(1, 3).toSorted(), seen.slice(3)]).toEqual(["sync tmp", ["sync err", "sync out"], ["rename status"]]);
  });

  test("may be killed in the middle of a command: the run's status is kept all the same", async () => {
    const session = await open(shell).warm();
    expect(await session.ask(`kill -s KILL ${session.hand}; exit 7`)).toMatchObject({ kind: "exited", status: 7 });
    expect([session.hand, session.status(4)]).toEqual([0, "exited 7 0 0 .\n"]);
    expect(await session.ask("echo next")).toMatchObject({ kind: "exited", stdout: "next\n" });
  });

  test("may be killed between two commands", async () => {
    const session = await open(shell).warm();
    process.kill(session.hand, "SIGKILL");
    expect(await session.ask("echo next")).toMatchObject({ kind: "exited", status: 0, stdout: "next\n" });
    expect(await session.ask("echo read", { op: "once" })).toMatchObject({ kind: "exited", stdout: "read\n" });
    expect(session.status(4)).toBe("exited 0 5 0 .\n");
  });

  test("is done without where there is no perl", async () => {
    const path = `${temporaryDirectory()}/bin`;
    mkdirSync(path);
    for (const from of ["/usr/bin", "/bin"])
      for (const tool of readdirSync(from))
        if (!/perl/.test(tool) && !existsSync(`${path}/${tool}`)) symlinkSync(`${from}/${tool}`, `${path}/${tool}`);
    const session = await open({ ...shell, file: `/bin/${shell.file}` }, path).warm();
    expect(session.hand).toBe(0);
  });

  test("hears on what prints in the background after the answer, and ends with it", async () => {
    const session = await open(shell).warm();
    const { dir, hand } = session;
    const wait = (file: string): string => `while [ -d ${dir} ] && ! [ -e ${dir}/${file} ]; do sleep 0.01; done`;
    const script = `( trap "" PIPE; ${wait("go")}; echo more; echo "$?" >${dir}/said; ${wait("end")} ) & echo out`;
    expect(await session.ask(script)).toMatchObject({ kind: "exited", stdout: "out\n" });
    expect(await session.ask("echo next")).toMatchObject({ kind: "exited", stdout: "next\n" });
    spawnSync("touch", [`${dir}/go`]);
    await until(() => existsSync(`${dir}/said`) && readFileSync(`${dir}/said`, "utf8").endsWith("\n"));
    expect(readFileSync(`${dir}/said`, "utf8")).toBe("0\n");
    expect(comm(hand)).toBe("perl");
    spawnSync("touch", [`${dir}/end`]);
    await until(() => comm(hand) === "");
  });

  test("keeps the time of a command whose shim was killed, and then ends", async () => {
    const session = await open(shell).warm();
    const { dir, hand } = session;
    const script = `echo "$$" >${dir}/pid; until [ -e ${dir}/go ]; do sleep 0.01; done; echo more; sleep 300`;
    void session.ask(script, { timeoutMs: 1_000 });
    await until(() => existsSync(`${dir}/pid`) && readFileSync(`${dir}/pid`, "utf8").endsWith("\n"));
    process.kill(session.shim, "SIGKILL");
    spawnSync("touch", [`${dir}/go`]);
    await until(() => comm(hand) === "");
    const command = Number(readFileSync(`${dir}/pid`, "utf8"));
    const isMarked = existsSync(`${dir}/runs/${runPath("hand")}/4.timeout`);
    spawnSync("kill", ["-s", isMarked ? "CONT" : "KILL", "--", `-${command}`]); // Nothing is left behind when it fails.
    expect(isMarked).toBe(true);
    await until(() => comm(command) === "");
  });
});
