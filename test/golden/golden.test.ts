import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SCENARIOS } from "./scenarios.ts";
import { Transcript } from "./transcript.ts";

const IS_UPDATE = process.env["UPDATE_GOLDEN"] === "1";

test.each(Object.entries(SCENARIOS))("%s goes as its transcript says", async (name, scenario) => {
  const transcript = new Transcript({ targets: scenario.targets });
  await transcript.start();
  await scenario.tell(transcript);
  const path = join(import.meta.dirname, `${name}.txt`);
  if (IS_UPDATE) writeFileSync(path, transcript.text);
  expect(existsSync(path), "UPDATE_GOLDEN=1 writes the transcript; read it before you keep it").toBe(true);
  expect(transcript.text).toBe(readFileSync(path, "utf8"));
});

test("every transcript belongs to a scenario", () => {
  const names = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".txt"));
  expect(names.toSorted()).toEqual(
    Object.keys(SCENARIOS)
      .map((name) => `${name}.txt`)
      .toSorted(),
  );
});
