// Arbitrary files in the form of YAML: good ones with a few changes of their bytes or of their meaning, and the classics that break readers.

import fc from "fast-check";
import { stringify } from "yaml";
import type { JsonValue } from "../../internal/base/json.ts";
import { readYaml } from "../../internal/base/yaml.ts";
import { mutated, textMutations } from "./mutation.ts";
import { oddJson, oddText } from "./odd-values.ts";
import { edited, treeEdits } from "./tree-edit.ts";

const SAMPLE_BYTES_MAX = 1024 * 1024;
const MANY_MAX = 6_000;
const LONG_MAX = 200_000;

/** Files that begin as one of the samples. */
export function oddFiles(samples: readonly string[]): fc.Arbitrary<string> {
  const sample = fc.constantFrom(...samples);
  const trees = samples.flatMap((text) => parsed(text));
  const rewritten = fc
    .tuple(fc.constantFrom(...trees), treeEdits, fc.boolean())
    .map(([tree, edits, isJson]) => printed(edited(tree, edits), isJson));
  return fc.oneof(
    { weight: 8, arbitrary: rewritten },
    { weight: 5, arbitrary: fc.tuple(sample, textMutations).map(([text, mutations]) => mutated(text, mutations)) },
    { weight: 1, arbitrary: fc.tuple(rewritten, textMutations).map(([text, mutations]) => mutated(text, mutations)) },
    { weight: 1, arbitrary: fc.tuple(oddJson, fc.boolean()).map(([tree, isJson]) => printed(tree, isJson)) },
    { weight: 2, arbitrary: fc.tuple(sample, classic).map(([text, added]) => `${text}\n${added}`) },
    { weight: 2, arbitrary: classic },
  );
}

const many = fc.oneof(fc.nat({ max: 80 }), fc.nat({ max: MANY_MAX }));
const key = fc.constantFrom("name", "x", "params", "targets", "stages", "rules", "tests");

/** What has broken readers of YAML. */
const classic: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 20 })).map(([levels, width]) => aliasBomb(levels, width)),
  fc
    .tuple(many, fc.constantFrom("[", "{", "[[{", "{a: ", "- ", "? ", "[a, ", "&a [", "!x ["))
    .map(([times, open]) => `x: ${open.repeat(times)}`),
  many.map((times) => `x: ${"[".repeat(times)}${"]".repeat(times)}`),
  many.map((times) => Array.from({ length: times }, (_, index) => `${" ".repeat(index % 90)}k${index}:`).join("\n")),
  fc.tuple(key, many).map(([name, times]) => `${name}: 1\n`.repeat(times)),
  many.map((times) => `x:\n${"  - &a 1\n".repeat(times)}`),
  many.map((times) => `x: &a 1\ny: [${"*a, ".repeat(times)}]`),
  many.map((times) => Array.from({ length: times }, (_, index) => `k${index}: ${index}`).join("\n")),
  fc
    .tuple(key, fc.nat({ max: LONG_MAX }), fc.constantFrom("9", "a", "é", "\0", " ", "'", "\\", "#", "\u2028"))
    .map(([name, times, character]) => `${name}: "${character.repeat(times)}"`),
  fc
    .tuple(key, fc.nat({ max: LONG_MAX }), fc.constantFrom("9", "0x", "1e", "-", ".", "\t", "\r", "!", "%", "`", "@"))
    .map(([name, times, character]) => `${name}: ${character.repeat(times)}`),
  many.map((times) => "---\n".repeat(times)),
  many.map((times) => "# a comment\n".repeat(times)),
  fc.tuple(oddText, oddText).map(([left, right]) => `? ${left}\n: ${right}\n`),
  fc.tuple(fc.constantFrom("|", ">", "|+", "|-", "|9", ">1-", "|0"), oddText).map(([block, text]) => `x: ${block}\n   ${text}\n  y\n z\n`),
  fc.tuple(oddText, oddText).map(([left, right]) => `${left}: &a ${right}\n<<: *a\nz: *a\n`),
  fc.array(oddText, { maxLength: 8 }).map((texts) => texts.join("\n")),
  fc.string({ unit: "binary", maxLength: 60 }),
);

function aliasBomb(levels: number, width: number): string {
  const line = (level: number): string => `a${level}: &a${level} [${Array.from({ length: width }, () => `*a${level - 1}`).join(", ")}]`;
  return [`a0: &a0 x`, ...Array.from({ length: levels }, (_, level) => line(level + 1))].join("\n");
}

function parsed(text: string): readonly JsonValue[] {
  try {
    return [readYaml(text, { file: "sample", bytesMax: SAMPLE_BYTES_MAX }).value];
  } catch {
    return []; // a snippet of a document, or a plain list: its bytes are mutated all the same
  }
}

function printed(tree: JsonValue, isJson: boolean): string {
  return isJson ? JSON.stringify(tree) : stringify(tree);
}
