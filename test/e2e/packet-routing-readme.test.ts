// The transcripts in the README of examples/packet-routing, run again (see readme-blocks.ts): with the issue's own times, and the network of one seed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startNetwork } from "./packet-scene.ts";
import { replayReadme } from "./readme-blocks.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const README = join(PROJECT, "examples/packet-routing/README.md");
const DIGEST = /sha256:[0-9a-f]{64}/;

test("what the example's README shows is what is printed", { timeout: 180_000 }, async () => {
  const { daemon, script, network, printed } = await startNetwork("seed=1535");
  const [digest = ""] = DIGEST.exec(readFileSync(README, "utf8")) ?? []; // it depends on the ports, which are others here
  await replayReadme({
    path: README,
    ask: async (words) => {
      if (words[0] === "node") return printed().replaceAll(network, "http://127.0.0.1:7592");
      const args = words.slice(1).map((word) => word.replace("examples/", join(PROJECT, "examples/")));
      const places = ["--param", `network=${network}`, "--param", `answer_to=${daemon.address}`];
      const { stdout, stderr } = await script.run(...args, ...(args[0] === "run" ? places : []));
      return (stdout + stderr)
        .replaceAll(network, "http://127.0.0.1:7592")
        .replaceAll(daemon.address, "http://127.0.0.1:7543")
        .replace(DIGEST, digest);
    },
    isWaiting: (words) => ["why", "status"].includes(words[1] ?? "") || words[0] === "node",
    settled: async (ask) => {
      await expect.poll(ask, { timeout: 30_000 }).toMatch(/^packet-7 RUNNING\n {2}AWAITS|^\S+ SUCCEEDED|too late/);
    },
  });
});
