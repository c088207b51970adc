// The example examples/deliver-pizza as it stands, on a service of a test's own, with its kitchen and its shop.
// 1. The shipped files are used word for word, but for the shop's port.

import { spawn } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { DaemonFixture } from "./daemon.ts";
import { Script } from "./script.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "examples/deliver-pizza");

/** The example, running, for the length of the test. */
export async function startPizza() {
  const shop = await startShop();
  const args: string[] = [];
  const daemon = new DaemonFixture({ args });
  onTestFinished(() => daemon.remove());
  const directory = join(daemon.directory, "pizza");
  cpSync(EXAMPLE, directory, { recursive: true });
  const sinks = join(directory, "sinks.yaml");
  writeFileSync(sinks, readFileSync(sinks, "utf8").replace("127.0.0.1:7591", `127.0.0.1:${shop.port}`));
  args.push("--sinks", sinks);
  await daemon.start();
  const script = new Script(daemon);
  const done = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await script.run(...words);
    expect([code, stderr].join(" "), words.join(" ")).toMatch(/^0 /);
    return stdout.trim();
  };
  const status = (): Promise<string> => done("query", "order-7", "status");
  const phase = async (): Promise<string> => (await done("status", "order-7")).split("\n", 1)[0]?.replace(/^\S+ /, "") ?? "";
  const kitchen = (): readonly string[] => readFileSync(join(directory, "kitchen.log"), "utf8").trimEnd().split("\n");
  const workflow = join(directory, "deliver-pizza.yaml");
  return { shop, daemon, directory, workflow, script, done, status, phase, kitchen };
}

/** A rider's token. */
export async function makeRider(done: (...words: readonly string[]) => Promise<string>): Promise<string> {
  return (await done("token", "create", "rita", "--role", "approver:delivery_executive")).split("\n").at(-1) ?? "";
}

/** The shipped shop on a free port, and all that it printed. */
async function startShop(): Promise<{ readonly port: string; readonly printed: () => string }> {
  const child = spawn(process.execPath, [join(EXAMPLE, "shop.mjs"), "0"], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const first = /^the shop listens at http:\/\/127\.0\.0\.1:(\d+)\/changes\n/;
  await expect.poll(() => text, { timeout: 20_000 }).toMatch(first);
  return { port: first.exec(text)?.[1] ?? "", printed: () => text };
}
