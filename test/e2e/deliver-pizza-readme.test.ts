// The transcripts in the README of examples/deliver-pizza, run again (see readme-blocks.ts): an order, its replays, and what the shop heard.

import { join } from "node:path";
import { expect, test } from "vitest";
import { makeRider, startPizza } from "./pizza-scene.ts";
import { replayReadme } from "./readme-blocks.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const EXAMPLE = "examples/deliver-pizza";

test("what the example's README shows is what is printed", { timeout: 180_000 }, async () => {
  const { shop, directory, script, done } = await startPizza();
  const rita = await makeRider(done);
  await replayReadme({
    path: join(PROJECT, EXAMPLE, "README.md"),
    ask: async (words) => {
      if (words[0] === "node") return shop.printed().replaceAll(shop.port, "7591");
      const isRita = words[0] === "HOLDFAST_TOKEN=$RITA";
      script.env = isRita ? { HOLDFAST_TOKEN: rita } : {};
      const args = words.slice(isRita ? 2 : 1).map((word) => word.replace(`$PWD/${EXAMPLE}`, directory).replace(EXAMPLE, directory));
      const { stdout, stderr } = await script.run(...args);
      return (stdout + stderr).replaceAll(directory, `/srv/holdfast/${EXAMPLE}`);
    },
    isWaiting: (words) => words.includes("why") || words[0] === "node",
    settled: async (ask) => {
      await expect.poll(ask, { timeout: 20_000 }).toMatch(/AWAITS|in 35 minutes[^]* succeeded\n$/);
    },
    isUnordered: (words) => words[0] === "node", // dough and topping are made at once
  });
});
