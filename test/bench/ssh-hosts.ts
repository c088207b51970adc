// Hosts over ssh for a bench: real sshd processes on loopback, and the two ways of running commands on them that people use without Holdfast.
// 1. All three ways run the same command on the same hosts, with the same options of ssh and the same number at one time.
// 2. A run in which any command failed is an error, not a figure.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startSshd } from "../e2e/sshd.ts";
import type { SshdHost } from "../e2e/sshd.ts";

const LOOP = join(import.meta.dirname, "ssh-loop.sh");
/** What the service too asks of ssh. */
const MANNERS = [
  "BatchMode yes",
  "StrictHostKeyChecking yes",
  "UpdateHostKeys no",
  "GlobalKnownHostsFile /dev/null",
  "IdentitiesOnly yes",
  "LogLevel ERROR",
];

/** Some hosts, named `host-0`, `host-1`, … in ssh's configuration. */
export class SshHosts {
  readonly #hosts: readonly SshdHost[];
  readonly #directory: string;

  private constructor(hosts: readonly SshdHost[], directory: string) {
    this.#hosts = hosts;
    this.#directory = directory;
    mkdirSync(`${directory}/m`);
    writeFileSync(this.#config("alone"), this.#configText(["ControlMaster no", "ControlPath none"]));
    const shared = ["ControlMaster auto", `ControlPath ${directory}/m/%n`, "ControlPersist 600"];
    writeFileSync(this.#config("shared"), this.#configText(shared));
  }

  /** Starts them; `directory` is an empty one with a short path, for sockets. */
  static async start(count: number, directory: string): Promise<SshHosts> {
    const hosts = await Promise.all(Array.from({ length: count }, () => startSshd()));
    return new SshHosts(hosts, directory);
  }

  /** An inventory in which these hosts are `count` targets, in turn. */
  inventory(count: number): string {
    const targets = Array.from({ length: count }, (_, nth) => {
      const { host, port, user, identity, knownHosts, config } = this.#of(nth);
      const ssh = `{ host: ${host}, port: ${port}, user: ${user}, identity: ${identity}, known_hosts: ${knownHosts}, config: ${config} }`;
      return `  - { name: target-${String(nth).padStart(4, "0")}, connection: { ssh: ${ssh} } }`;
    });
    return `targets:\n${targets.join("\n")}\n`;
  }

  /** A shell loop, with a new connection for each command; says how many seconds `count` commands took. */
  loop(argv: readonly string[], { count, parallel }: { readonly count: number; readonly parallel: number }): Promise<number> {
    return this.#timed(LOOP, [this.#config("alone"), String(parallel), ...argv], count);
  }

  /** `xargs -P`, with connections that are kept and shared (ControlMaster). */
  xargs(argv: readonly string[], { count, parallel }: { readonly count: number; readonly parallel: number }): Promise<number> {
    const ssh = ["ssh", "-F", this.#config("shared"), "NAME", ...argv];
    return this.#timed("xargs", ["-P", String(parallel), "-I", "NAME", ...ssh], count);
  }

  /** Ends the kept connections and the hosts. */
  async remove(): Promise<void> {
    for (let nth = 0; nth < this.#hosts.length; nth += 1) {
      const asked = spawn("ssh", ["-F", this.#config("shared"), "-O", "exit", `host-${nth}`], { stdio: "ignore" });
      await once(asked, "close");
    }
    await Promise.all(this.#hosts.map((host) => host.remove()));
  }

  #of(nth: number): SshdHost {
    const host = this.#hosts[nth % this.#hosts.length];
    if (host === undefined) throw new Error("there are no hosts");
    return host;
  }

  #config(kind: "alone" | "shared"): string {
    return `${this.#directory}/ssh-${kind}`;
  }

  #configText(lines: readonly string[]): string {
    const hosts = this.#hosts.map(({ host, port, user, identity, knownHosts }, nth) => {
      const place = [`HostName ${host}`, `Port ${port}`, `User ${user}`, `IdentityFile ${identity}`, `UserKnownHostsFile ${knownHosts}`];
      return [`Host host-${nth}`, ...place, ...MANNERS, ...lines].join("\n  ");
    });
    return `${hosts.join("\n")}\n`;
  }

  async #timed(file: string, args: readonly string[], count: number): Promise<number> {
    const names = Array.from({ length: count }, (_, nth) => `host-${nth % this.#hosts.length}\n`);
    const startMs = performance.now();
    const child = spawn(file, args, { stdio: ["pipe", "ignore", "inherit"] });
    child.stdin.end(names.join(""));
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${String(code)}`);
    return (performance.now() - startMs) / 1_000;
  }
}
