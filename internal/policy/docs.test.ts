// docs/policies.md tells of everything that an expression may name: what is not there does not exist for an author.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { ExprTypeDecl } from "../expr/type.ts";
import { Gate } from "../gen/holdfast/v1/policy_pb.ts";
import { GATE_NAMES, limitVocabulary, matchVocabulary, ruleVocabulary } from "./vocabulary.ts";

const PAGE = readFileSync(fileURLToPath(new URL("../../docs/policies.md", import.meta.url)), "utf8");

/** All names of fields of a type, however deep. */
function fieldsOf(type: ExprTypeDecl): readonly string[] {
  if (typeof type === "string") return [];
  if ("list" in type) return fieldsOf(type.list);
  if ("map" in type) return [];
  return Object.entries(type.fields).flatMap(([name, field]) => [name, ...fieldsOf(field)]);
}

test("the page names every gate, every name, every field and every function", () => {
  const vocabularies = [...GATE_NAMES.values()].map((gate) => ruleVocabulary("dyn", [gate]));
  const names = [...vocabularies, limitVocabulary("dyn"), matchVocabulary("dyn")].flatMap(({ declarations }) =>
    Object.entries(declarations).flatMap(([name, type]) => [name, ...fieldsOf(type)]),
  );
  const wanted = [...new Set([...names, ...GATE_NAMES.keys()])].map((name) => `\`${name}\``);
  const functions = ruleVocabulary("dyn", [Gate.WAVE]).functions.map(({ name }) => `\`${name}(`);
  expect([...wanted, ...functions].filter((name) => !PAGE.includes(name))).toEqual([]);
});
