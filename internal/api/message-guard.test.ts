import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inWords } from "./message-guard.ts";

const PROTO = join(import.meta.dirname, "..", "..", "proto", "holdfast", "v1");
/** Of Target, which the inventory checks and no request holds. */
const NEVER_ASKED = ["^([^-\\s][^\\s]*)?$", "^[^-\\s][^\\s]*$"];

test("every pattern of the .proto files is refused in words", () => {
  const files = readdirSync(PROTO).map((name) => readFileSync(join(PROTO, name), "utf8"));
  const patterns = files.flatMap((text) => [...text.matchAll(/pattern: "(.*)"/g)].map(([, found = ""]) => found.replaceAll("\\\\", "\\")));
  expect(patterns.length).toBeGreaterThan(10);
  const unworded = patterns.filter((pattern) => inWords(`does not match regex pattern \`${pattern}\``).includes("regex"));
  expect(unworded.toSorted()).toEqual(NEVER_ASKED);
});

test("a message that is no pattern's stays as it is", () => {
  expect(inWords("must be at least 1 characters")).toBe("must be at least 1 characters");
});
