// Real sshd processes on loopback, for tests: each on a free port, as the current user, with keys and state of its own in a short temporary directory.
// 1. Nothing of the user's own ssh configuration is read or written, and what runs over it keeps its state in the fixture's directory.
// 2. Every process is stopped by its pid.

import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { createInterface } from "node:readline";

/** What a test may want to differ. */
export interface SshdOptions {
  /** More lines of sshd_config. */
  readonly config?: readonly string[];
  /** Variables of every session; HOME and XDG_STATE_HOME are the fixture's own unless named here. */
  readonly env?: Readonly<Record<string, string>>;
  /** A directory below the fixture's own that comes first in PATH. */
  readonly pathFront?: string;
}

/** A running sshd and how to reach it: the fields of an inventory's `ssh` connection. */
export interface SshdHost {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identity: string;
  readonly knownHosts: string;
  /** An empty ssh configuration. */
  readonly config: string;
  readonly dir: string;
  /** The home directory of every session: where its commands start, which makes it a host of its own. */
  readonly home: string;
  /** Where runs keep their state. */
  readonly runsDir: string;
  readonly pid: number;
  /** The processes that serve connections now. */
  connections(): readonly number[];
  /** Kills all connections at once, as a dying link would; new ones may be made. */
  cut(): void;
  /** Stops listening and kills all connections; `startSshdAt` brings the same host back. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops, and removes the directory. */
  remove(): Promise<void>;
  /** Gives the host another key, so that the known one is wrong; seen after the next `start`. */
  changeHostKey(): void;
}

const SSHD = "/usr/sbin/sshd";
const SSH_KEYGEN = "/usr/bin/ssh-keygen";
const START_TRIES_MAX = 5;

/** Starts an sshd of its own on 127.0.0.1. */
export async function startSshd(options: SshdOptions = {}): Promise<SshdHost> {
  const dir = mkdtempSync("/tmp/hfs-");
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  makeKey(`${dir}/host_key`);
  makeKey(`${dir}/id`);
  writeFileSync(`${dir}/authorized_keys`, readFileSync(`${dir}/id.pub`), { mode: 0o600 });
  writeFileSync(`${dir}/ssh_config`, "");
  mkdirSync(`${dir}/home`);
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    try {
      const child = await startDaemon({ dir, port, options });
      return hostOf({ dir, port, options, child });
    } catch (error) {
      if (tries === START_TRIES_MAX) throw error;
    }
  }
}

interface Place {
  readonly dir: string;
  readonly port: number;
  readonly options: SshdOptions;
}

function hostOf({ child: first, ...place }: Place & { readonly child: ChildProcess }): SshdHost {
  const { dir, port } = place;
  let child = first;
  writeKnownHosts(place);
  const connections = (): readonly number[] => (child.exitCode === null && child.signalCode === null ? childrenOf(child.pid ?? 0) : []);
  const cut = (): void => {
    for (const pid of connections()) killTree(pid);
  };
  const stop = async (): Promise<void> => {
    cut();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  };
  return {
    host: "127.0.0.1",
    port,
    user: userInfo().username,
    identity: `${dir}/id`,
    knownHosts: `${dir}/known_hosts`,
    config: `${dir}/ssh_config`,
    dir,
    home: `${dir}/home`,
    runsDir: `${dir}/state/holdfast/runs`,
    get pid() {
      return child.pid ?? 0;
    },
    connections,
    cut,
    stop,
    async start() {
      child = await startDaemon(place);
    },
    async remove() {
      await stop();
      rmSync(dir, { recursive: true, force: true });
    },
    changeHostKey() {
      rmSync(`${dir}/host_key`);
      makeKey(`${dir}/host_key`);
    },
  };
}

function writeKnownHosts({ dir, port }: Place): void {
  const [type = "", key = ""] = readFileSync(`${dir}/host_key.pub`, "utf8").split(" ");
  writeFileSync(`${dir}/known_hosts`, `[127.0.0.1]:${port} ${type} ${key}\n`);
}

function startDaemon({ dir, port, options }: Place): Promise<ChildProcess> {
  // SHLVL keeps a login shell that is bash from reading the .bashrc of whoever runs the tests.
  const path = options.pathFront === undefined ? {} : { PATH: `${dir}/${options.pathFront}:/usr/local/bin:/usr/bin:/bin` };
  const env = { HOME: `${dir}/home`, XDG_STATE_HOME: `${dir}/state`, SHLVL: "9", ...path, ...options.env };
  const lines = [
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${dir}/host_key`,
    `AuthorizedKeysFile ${dir}/authorized_keys`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "MaxStartups 100",
    `SetEnv ${Object.entries(env)
      .map(([name, value]) => `"${name}=${value}"`)
      .join(" ")}`,
    ...(options.config ?? []),
  ];
  writeFileSync(`${dir}/sshd_config`, `${lines.join("\n")}\n`);
  const child = spawn(SSHD, ["-D", "-e", "-f", `${dir}/sshd_config`], { stdio: ["ignore", "ignore", "pipe"] });
  return new Promise((resolve, reject) => {
    const talk: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
      talk.push(line);
      if (line.startsWith("Server listening")) resolve(child);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`sshd did not start: ${talk.join("; ")}`)));
  });
}

function makeKey(path: string): void {
  execFileSync(SSH_KEYGEN, ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .trim()
      .split(" ")
      .filter((word) => word !== "")
      .map(Number);
  } catch {
    return [];
  }
}

/** Kills the processes of one connection that are sshd's own; what the user runs in it stays. */
function killTree(pid: number): void {
  const servers = childrenOf(pid).filter((child) => readCommand(child).startsWith("sshd"));
  for (const server of [...servers, pid]) {
    try {
      process.kill(server, "SIGKILL");
    } catch {
      continue; // It has ended by itself.
    }
  }
}

function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8");
  } catch {
    return "";
  }
}
