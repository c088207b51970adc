// The example examples/packet-routing as it stands, on a service of a test's own, with its network of providers.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { DaemonFixture } from "./daemon.ts";
import { Script } from "./script.ts";

const EXAMPLE = join(import.meta.dirname, "..", "..", "examples/packet-routing");

/** The service and the shipped providers, for the length of the test; what happens in the network: a seed, or a plan. */
export async function startNetwork(happens: string) {
  const daemon = new DaemonFixture();
  onTestFinished(() => daemon.remove());
  await daemon.start();
  const script = new Script(daemon);
  const child = spawn(process.execPath, [join(EXAMPLE, "providers.mjs"), "0", happens], {
    cwd: daemon.directory,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const first = /^five providers listen at (\S+)\n/;
  await expect.poll(() => text, { timeout: 20_000 }).toMatch(first);
  const done = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await script.run(...words);
    expect([code, stderr].join(" "), words.join(" ")).toMatch(/^0 /);
    return stdout.trim();
  };
  return {
    daemon,
    script,
    done,
    network: first.exec(text)?.[1] ?? "",
    workflow: join(EXAMPLE, "packet-routing.yaml"),
    printed: () => text,
  };
}
