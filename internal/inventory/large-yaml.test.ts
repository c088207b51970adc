import { expect, test } from "vitest";
import { YAML_SLICED_LENGTH_MIN } from "../base/limits.ts";
import { readYaml } from "../base/yaml.ts";
import { readLargeYaml } from "./large-yaml.ts";

const OPTIONS = { file: "i.yaml", bytesMax: 64 * 1024 * 1024 };
const COUNT = 3_000;

function items(indent: string, item: (index: number) => string): string {
  let text = "";
  for (let index = 0; index < COUNT || text.length < YAML_SLICED_LENGTH_MIN; index++) text += `${indent}- ${item(index)}\n`;
  return text;
}

function check(text: string): void {
  const sliced = readLargeYaml(text, OPTIONS);
  expect(sliced).toBeDefined();
  expect(sliced).toEqual(readYaml(text, OPTIONS).value);
}

test("a large list is read in slices to the same value", () => {
  const flow = (index: number): string =>
    `{ name: host-${index}, labels: { role: web, note: "a - b" }, connection: { local: { root: ./${index} } } }`;
  const block = (index: number): string =>
    `name: host-${index}\n    labels:\n      note: |\n        - not an item\n\n        # nor a comment\n    more:\n    - x`;
  check(`# head\ndefaults: { labels: { a: b } }\ntargets: # all\n\n  # first\n${items("  ", flow)}`);
  check(`targets:\n${items("  ", block)}defaults:\n  labels: { a: b }\n`);
  check(`---\ntargets:\r\n${items("", flow)}`);
  expect.assertions(6);
});

test("what is small, anchored, broken or written otherwise is left to the whole-file reader", () => {
  const plain = (index: number): string => `{ name: host-${index}, labels: { note: "${"x".repeat(80)}" } }`;
  expect(readLargeYaml("targets:\n  - { name: a }\n", OPTIONS)).toBeUndefined();
  expect(
    readLargeYaml(`targets:\n${items("  ", (index) => (index === 0 ? "&a { name: x }" : index === 2_900 ? "*a" : plain(index)))}`, OPTIONS),
  ).toBeUndefined();
  expect(readLargeYaml(`targets:\n${items("  ", plain)}  - { name: [\n`, OPTIONS)).toBeUndefined();
  expect(readLargeYaml(`targets:\n${items("  ", plain)}targets: []\n`, OPTIONS)).toBeUndefined();
  expect(readLargeYaml(`targets: [${"{ name: a }, ".repeat(30_000)}]\n`, OPTIONS)).toBeUndefined();
});
