// The example examples/loyalty-tier as it stands, with months of two seconds, and kill -9 of the service in the middle of one.

import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DaemonFixture } from "./daemon.ts";
import { Script, until } from "./script.ts";

const FILE = join(import.meta.dirname, "..", "..", "examples/loyalty-tier/loyalty-tier.yaml");
const GENERATIONS = 6;

async function aShop() {
  const daemon = new DaemonFixture();
  onTestFinished(() => daemon.remove());
  await daemon.start();
  const script = new Script(daemon);
  const said = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await script.run(...args);
    expect(code, stderr).toBe(0);
    return stdout.trimEnd();
  };
  const spend = (key: string, amount: number) => said("signal", "ann", "spend", "--key", key, "--data", JSON.stringify({ amount }));
  return { daemon, script, said, spend };
}

test("a customer is found by the key for ever: spending counts once, the tier is set month by month, and old months are not kept", async () => {
  const { daemon, script, said, spend } = await aShop();
  await said("run", FILE, "--key", "ann", "--param", "month=2s", "--no-wait");
  expect(await said("query", "ann", "tier")).toContain("MEMBER");
  await spend("bill-1", 600);
  await spend("bill-1", 600);
  await daemon.restart(); // kill -9, within the month or at its end
  await spend("bill-1", 600); // whoever got no answer says it again
  await until(
    () => said("query", "ann", "tier"),
    (tier) => tier.includes("GOLD"),
  );
  await until(
    () => script.one(["status", "ann"]),
    ({ generation }) => Number(generation) >= GENERATIONS,
  );
  await daemon.restart();
  expect(await said("status", "ann")).toMatch(/^ {2}generation +\d+;/m);
  const history = (await said("history", "ann")).split("\n");
  expect(history[0]).toContain("workflowSubmitted");
  expect(history.find((line) => line.includes("are not kept"))).toMatch(/events \d+ to \d+ are not kept/);
  expect(history.length).toBeLessThan(60);
  expect(await said("journal", "verify")).toMatch(/whole|no damage|undamaged|ok/i);

  await said("signal", "ann", "close");
  const ended = await script.run("watch", "ann", "-o", "json");
  expect(ended.code, ended.stderr).toBe(0);
  expect(JSON.parse(ended.lines.at(-1) ?? "")).toMatchObject({ status: { phase: "SUCCEEDED" } });
});
