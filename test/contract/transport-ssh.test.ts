// The Transport contract over a real sshd on loopback, and what only a connection can do: break, be refused, be somebody else's.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { afterAll, describe, expect, test } from "vitest";
import { Become, TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import type { Target } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { systemClock } from "../../internal/system/clock.ts";
import { createPace } from "../../internal/pace/pace.ts";
import { createTransport } from "../../internal/transport/transport.ts";
import { startSshd } from "../e2e/sshd.ts";
import type { SshdHost } from "../e2e/sshd.ts";
import { aCommand, aScript, shown, transportOptions, until } from "./transport-bench.ts";
import { transportContract } from "./transport-contract.ts";

function sshTarget(
  sshd: SshdHost,
  changes: { readonly port?: number; readonly knownHosts?: string; readonly become?: Become } = {},
): Target {
  const { host, port, user, identity, knownHosts, config } = sshd;
  const { become = Become.UNSPECIFIED, ...overrides } = changes;
  return create(TargetSchema, {
    name: "db-01",
    connection: { kind: { case: "ssh", value: { host, port, user, identity, knownHosts, config, ...overrides } }, become },
  });
}

/** Hosts and transports that are gone when the tests are done. */
class SshBench {
  readonly dir = mkdtempSync("/tmp/hfc-");
  readonly #hosts: SshdHost[] = [];
  readonly #transports: Array<{ close(): Promise<void> }> = [];

  readonly aHost = async (options: Parameters<typeof startSshd>[0] = {}): Promise<SshdHost> => {
    const host = await startSshd(options);
    this.#hosts.push(host);
    return host;
  };

  readonly aTransport = (changes: Parameters<typeof transportOptions>[1] = {}): ReturnType<typeof createTransport> => {
    const transport = createTransport(transportOptions(mkdtempSync(`${this.dir}/`), changes));
    this.#transports.push(transport);
    return transport;
  };

  readonly aMark = (): string => `${mkdtempSync(`${this.dir}/`)}/mark`;

  async close(): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()));
    await Promise.all(this.#hosts.map((host) => host.remove()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

transportContract("ssh", async () => {
  const dir = mkdtempSync("/tmp/hfc-");
  const sshd = await startSshd();
  return {
    target: sshTarget(sshd),
    runsDir: sshd.runsDir,
    options: transportOptions(dir),
    async dispose() {
      await sshd.remove();
      rmSync(dir, { recursive: true, force: true });
    },
  };
});

describe("a connection over ssh", () => {
  const bench = new SshBench();
  afterAll(() => bench.close());
  losses(bench);
  refusals(bench);
  manners(bench);
});

function losses({ aHost, aTransport, aMark }: SshBench): void {
  test.each(["run", "look"])("a run whose connection dies is found again by %s, with its real status", async (how) => {
    const [sshd, transport, mark] = [await aHost(), aTransport(), aMark()];
    const run = { taskKey: "cut.1", attempt: 1 };
    const running = transport.run(
      sshTarget(sshd),
      aScript(`echo x >>${mark}; until [ -e ${mark}.go ]; do sleep 0.01; done; echo done; exit 5`, { run }),
    );
    await until(() => existsSync(mark));
    sshd.cut();
    const other = aTransport();
    const looking = how === "look" ? other.look(sshTarget(sshd), { ...aScript(""), run }) : running;
    writeFileSync(`${mark}.go`, "");
    expect(shown(await looking)).toEqual({ kind: "exited", status: 5, stdout: "done\n", stderr: "", isTruncated: false });
    expect(shown(await running)).toMatchObject({ kind: "exited", status: 5 });
    expect(readFileSync(mark, "utf8")).toBe("x\n");
  });

  test("a run is found again when its host comes back after a while", async () => {
    const [sshd, transport, mark] = [await aHost(), aTransport(), aMark()];
    const running = transport.run(sshTarget(sshd), aScript(`echo >${mark}; sleep 0.5; exit 4`, { run: { taskKey: "away.1", attempt: 1 } }));
    await until(() => existsSync(mark));
    await sshd.stop();
    await until(() => existsSync(`${sshd.runsDir}`) && execFileSync("find", [sshd.runsDir, "-name", "1.status"]).length > 0);
    await sshd.start();
    expect(await running).toMatchObject({ kind: "exited", status: 4 });
  });

  test("a run whose host never comes back is unknown, and an abort of it too", async () => {
    const [sshd, transport, mark] = [await aHost(), aTransport(), aMark()];
    const running = transport.run(
      sshTarget(sshd),
      aScript(`echo >${mark}; sleep 20`, { run: { taskKey: "gone.1", attempt: 1 }, timeoutMs: 1_500 }),
    );
    await until(() => existsSync(mark));
    await sshd.stop();
    expect(await running).toMatchObject({
      kind: "unknown",
      message: expect.stringContaining('target "db-01" (ssh 127.0.0.1): cannot be reached to see how the run ended'),
    });
  });

  test("a read-only command whose connection dies is unreachable, and ends", async () => {
    const [sshd, transport, mark] = [await aHost(), aTransport(), aMark()];
    const running = transport.run(sshTarget(sshd), aScript(`echo $$ >${mark}; exec sleep 30`));
    await until(() => existsSync(mark) && readFileSync(mark, "utf8").endsWith("\n"));
    sshd.cut();
    expect(await running).toMatchObject({ kind: "unreachable" });
    await until(
      () =>
        !existsSync(`/proc/${readFileSync(mark, "utf8").trim()}/cmdline`) ||
        readFileSync(`/proc/${readFileSync(mark, "utf8").trim()}/cmdline`).length === 0,
    );
  });

  test("a connection that has died meanwhile is opened again without a word", async () => {
    const [sshd, transport] = [await aHost(), aTransport()];
    expect(await transport.run(sshTarget(sshd), aCommand({ argv: ["true"] }))).toMatchObject({ kind: "exited" });
    sshd.cut();
    expect(await transport.run(sshTarget(sshd), aCommand({ argv: ["true"] }))).toMatchObject({ kind: "exited", status: 0 });
    await sshd.stop();
    expect(await transport.run(sshTarget(sshd), aCommand({ argv: ["true"], run: { taskKey: "dead", attempt: 1 } }))).toMatchObject({
      kind: "unreachable",
    });
  });
}

function refusals({ dir, aHost, aTransport }: SshBench): void {
  test("an unknown host key is an error that says what to do", async () => {
    const sshd = await aHost();
    writeFileSync(`${dir}/nobody`, "");
    const result = await aTransport().run(sshTarget(sshd, { knownHosts: `${dir}/nobody` }), aCommand({ argv: ["true"] }));
    expect(result).toEqual({
      kind: "unreachable",
      message: `target "db-01" (ssh 127.0.0.1): the host key of [127.0.0.1]:${sshd.port} is not known; compare what "ssh-keyscan -p ${sshd.port} 127.0.0.1" prints with the host's own, then add it to ${dir}/nobody`,
    });
  });

  test("a changed host key is an error that says what to do", async () => {
    const sshd = await aHost();
    await sshd.stop();
    sshd.changeHostKey();
    await sshd.start();
    const result = await aTransport().run(sshTarget(sshd), aCommand({ argv: ["true"] }));
    expect(result).toMatchObject({ kind: "unreachable", message: expect.stringContaining(`has changed`) });
    expect(result).toMatchObject({ message: expect.stringContaining(`ssh-keygen -R '[127.0.0.1]:${sshd.port}' -f ${sshd.knownHosts}`) });
  });

  test("a port where nobody listens, and a key that is refused, are unreachable", async () => {
    const sshd = await aHost();
    writeFileSync(`${sshd.dir}/authorized_keys`, "");
    expect(await aTransport().run(sshTarget(sshd), aCommand({ argv: ["true"] }))).toMatchObject({
      kind: "unreachable",
      message: expect.stringContaining("refuses the login"),
    });
    await sshd.stop();
    expect(await aTransport().run(sshTarget(sshd), aCommand({ argv: ["true"] }))).toMatchObject({
      kind: "unreachable",
      message: expect.stringContaining("Connection refused"),
    });
  });

  test("a far end without flock is named with what it lacks", async () => {
    const bin = `${dir}/bin`;
    mkdirSync(bin);
    for (const tool of ["sh", "setsid", "head", "cat"]) symlinkSync(`/usr/bin/${tool}`, `${bin}/${tool}`);
    const sshd = await aHost({ env: { PATH: bin } });
    const result = await aTransport().run(sshTarget(sshd), aCommand({ argv: ["true"] }));
    expect(result).toEqual({
      kind: "unreachable",
      message:
        'target "db-01" (ssh 127.0.0.1): "flock" is not in its PATH; install it there (commands need sh, coreutils, flock and setsid)',
    });
  });
}

function manners({ dir, aHost, aTransport, aMark }: SshBench): void {
  test("a login script that prints, and a session limit of one, do no harm", async () => {
    const sshd = await aHost({ config: ['ForceCommand echo a banner; printf noise; eval "$SSH_ORIGINAL_COMMAND"', "MaxSessions 1"] });
    const transport = aTransport();
    const results = await Promise.all([1, 2, 3].map((n) => transport.run(sshTarget(sshd), aScript(`sleep 0.2; echo ${n}`))));
    expect(results.map(shown)).toMatchObject([{ stdout: "1\n" }, { stdout: "2\n" }, { stdout: "3\n" }]);
  });

  test("more commands at once than a connection takes sessions all run, over one connection", async () => {
    const [sshd, transport] = [await aHost(), aTransport()];
    const results = await Promise.all(Array.from({ length: 30 }, (_, n) => transport.run(sshTarget(sshd), aScript(`echo ${n}`))));
    expect(results.map((result) => shown(result)["stdout"])).toEqual(Array.from({ length: 30 }, (_, n) => `${n}\n`));
    expect(sshd.connections().length).toBe(1);
  });

  test("a session serves again, and under sudo each command has its own", async () => {
    const bin = `${dir}/sudo-free`;
    mkdirSync(bin);
    writeFileSync(`${bin}/sudo`, '#!/bin/sh\nshift 3\nexec "$@"\n', { mode: 0o755 });
    const [sshd, transport] = [await aHost({ env: { PATH: `${bin}:/usr/bin:/bin` } }), aTransport()];
    const shims = async (become: Become): Promise<ReadonlySet<unknown>> => {
      const seen = new Set<unknown>();
      for (const attempt of [1, 2, 3]) {
        const run = { taskKey: `turns.${become}`, attempt };
        for (const kept of [{}, { run }])
          seen.add(shown(await transport.run(sshTarget(sshd, { become }), aScript("echo $PPID", kept)))["stdout"]);
      }
      return seen;
    };
    expect((await shims(Become.UNSPECIFIED)).size).toBeLessThan(6); // A command that comes before the session is ready again opens another.
    expect((await shims(Become.SUDO)).size).toBe(6);
  });

  test("a session that was ended while it waited does no harm to the next command", async () => {
    const [sshd, transport] = [await aHost(), aTransport()];
    const shim = shown(await transport.run(sshTarget(sshd), aScript("echo $PPID")))["stdout"];
    process.kill(Number(shim), "SIGKILL");
    expect(shown(await transport.run(sshTarget(sshd), aScript("echo next")))).toMatchObject({ kind: "exited", stdout: "next\n" });
    expect(sshd.connections().length).toBe(1);
  });

  test("eight hosts work side by side, paced per host", async () => {
    const sshds = await Promise.all(Array.from({ length: 8 }, () => aHost()));
    const transport = aTransport({ pace: createPace({ clock: systemClock, concurrentMax: 2, startIntervalMs: 0 }) });
    const results = await Promise.all(
      sshds.flatMap((sshd, n) =>
        [1, 2, 3].map((m) =>
          transport.run(sshTarget(sshd), aScript(`echo ${n}.${m}`, { run: { taskKey: `eight.${n}.${m}`, attempt: 1 } })),
        ),
      ),
    );
    expect(results.map((result) => shown(result)["stdout"])).toEqual(sshds.flatMap((_, n) => [1, 2, 3].map((m) => `${n}.${m}\n`)));
  });

  test("sudo that wants a password is an error that says what to do, and one that does not runs the command", async () => {
    const bin = `${dir}/sudo-bin`;
    mkdirSync(bin);
    writeFileSync(
      `${bin}/sudo`,
      `#!/bin/sh\nif [ -e ${dir}/no-password ]; then shift 3; SUDO=yes exec "$@"; fi\necho "sudo: a password is required" >&2; exit 1\n`,
    );
    chmodSync(`${bin}/sudo`, 0o755);
    const [sshd, transport] = [await aHost({ env: { PATH: `${bin}:/usr/bin:/bin` } }), aTransport()];
    const target = sshTarget(sshd, { become: Become.SUDO });
    const refused = await transport.run(target, aScript("echo $SUDO", { run: { taskKey: "sudo.1", attempt: 1 } }));
    expect(refused).toMatchObject({ kind: "unreachable", message: expect.stringContaining("NOPASSWD") });
    writeFileSync(`${dir}/no-password`, "");
    expect(shown(await transport.run(target, aScript("echo $SUDO", { run: { taskKey: "sudo.1", attempt: 2 } })))).toMatchObject({
      stdout: "yes\n",
    });
  });

  test("neither environment nor stdin is in any argument list of the connection", async () => {
    const [sshd, transport, mark] = [await aHost(), aTransport(), aMark()];
    const running = transport.run(
      sshTarget(sshd),
      aScript(`echo >${mark}; until [ -e ${mark}.go ]; do sleep 0.01; done`, {
        env: { TOKEN: "s3cret-value" },
        stdin: Buffer.from("s3cret-value"),
      }),
    );
    await until(() => existsSync(mark));
    const args = execFileSync("ps", ["axww", "-o", "args"], { maxBuffer: 100_000_000 }).toString();
    expect(args).not.toContain("s3cret-value");
    writeFileSync(`${mark}.go`, "");
    await running;
  });

  test("closing ends the connection and not the run", async () => {
    const [sshd, transport, mark] = [await aHost(), aTransport(), aMark()];
    const run = { taskKey: "close.1", attempt: 1 };
    const running = transport.run(
      sshTarget(sshd),
      aScript(`echo >${mark}; until [ -e ${mark}.go ]; do sleep 0.01; done; echo whole`, { run }),
    );
    await until(() => existsSync(mark));
    await transport.close();
    expect(await running).toMatchObject({ kind: "unknown" });
    await until(() => sshd.connections().length === 0);
    writeFileSync(`${mark}.go`, "");
    expect(shown(await aTransport().look(sshTarget(sshd), { ...aScript(""), run }))).toMatchObject({ kind: "exited", stdout: "whole\n" });
  });
}
