// docs/workflow-file.md holds what the wire's schema says of every field, and the reader knows exactly these fields.
// `UPDATE_DOCS=1 npx vitest run internal/sdk/workflow-file-docs.test.ts` rewrites the page.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { readWorkflowFile } from "./workflow-file.ts";

const PAGE = fileURLToPath(new URL("../../docs/workflow-file.md", import.meta.url));
const SCHEMA = readFileSync(fileURLToPath(new URL("../../proto/holdfast/v1/workflow.proto", import.meta.url)), "utf8");

/** Each table: the message of the schema, its heading, and a file with a field `zzz` where the message is. */
const TABLES = [
  { message: "WorkflowDefinition", heading: "A workflow", file: "zzz: 1" },
  { message: "Param", heading: "A parameter", file: "params: { p: { zzz: 1 } }" },
  { message: "SignalDeclaration", heading: "A signal", file: "signals: { s: { zzz: 1 } }" },
  { message: "TargetSelector", heading: "`targets`", file: "targets: { zzz: 1 }" },
  { message: "Stage", heading: "A stage", file: "stages: [{ zzz: 1 }]" },
  { message: "ListOver", heading: "`over` of a list", file: "stages: [{ over: { zzz: 1 } }]" },
  { message: "Rollout", heading: "`rollout`", file: "stages: [{ rollout: { zzz: 1 } }]" },
  { message: "Rate", heading: "`rate`", file: "stages: [{ rollout: { rate: { zzz: 1 } } }]" },
  { message: "Action", heading: "An action", file: "stages: [{ actions: [{ zzz: 1 }] }]" },
  { message: "Alternative", heading: "An alternative of `try`", file: "stages: [{ actions: [{ try: [{ zzz: 1 }] }] }]" },
  { message: "Undo", heading: "`undo`", file: "stages: [{ actions: [{ undo: { zzz: 1 } }] }]" },
  { message: "Completion", heading: "`completion`", file: "stages: [{ actions: [{ completion: { zzz: 1 } }] }]" },
  { message: "Repeat", heading: "`repeat`", file: "stages: [{ actions: [{ repeat: { zzz: 1 } }] }]" },
  { message: "ContinueAsNew", heading: "`continue_as_new`", file: "continue_as_new: { zzz: 1 }" },
  { message: "Retry", heading: "`retry`", file: "stages: [{ actions: [{ retry: { zzz: 1 } }] }]" },
] as const;

/** How a field is written in a file, where that differs from the wire. */
const FORMS: Readonly<Record<string, string>> = {
  "google.protobuf.Duration": "duration",
  "google.protobuf.Struct": "map",
  "google.protobuf.Value": "value",
  "repeated google.protobuf.Value": "list of values",
  "repeated Amount": "list of amounts",
  "repeated Stage": "list of stages",
  "repeated Action": "list of actions",
  "repeated Alternative": "list of alternatives",
  "repeated string": "list of text",
  "map<string, string>": "map of text",
  "map<string, Param>": "map of parameters",
  "map<string, SignalDeclaration>": "map of signals",
  Amount: "amount",
  Completion: "map",
  CompletionMissing: "`unknown` or `failed`",
  ContinueAsNew: "map",
  Needs: "list of text",
  OnUnknown: "`next`",
  Param: "map",
  ParamType: "`string`, `int`, `number`, `bool`, `list` or `object`",
  Rate: "rate",
  Retry: "map",
  Repeat: "map",
  "repeated RetryOn": "list of `failed`, `unreachable`, `timed_out`",
  Rollout: "map",
  StageNeeds: "list of text",
  StageOver: "`targets`, or map",
  StageUndo: "`target` or `wave`",
  Undo: "map",
  TargetSelector: "map",
  bool: "true or false",
  double: "number",
  int32: "whole number",
  string: "text",
  uint32: "whole number",
};

/** Fields that have another name or form in a file. */
const WRITTEN: ReadonlyMap<string, { readonly name: string; readonly form: string }> = new Map([
  ["Param.default_value", { name: "default", form: "value" }],
  ["WorkflowDefinition.vars", { name: "vars", form: "map of variables, each as a parameter" }],
  ["WorkflowDefinition.queries", { name: "queries", form: "map of expressions" }],
  ["SignalDeclaration.fields", { name: "fields", form: "map of fields, each as a parameter" }],
  ["SignalDeclaration.set", { name: "set", form: "map of expressions" }],
  ["Action.set", { name: "set", form: "map of expressions" }],
  ["ListOver.items", { name: "list", form: "text" }],
  ["Stage.locks", { name: "lock", form: "text, or list of text" }],
]);

/** Fields that have no name in a file: they are written elsewhere. */
const NOT_IN_FILE: ReadonlySet<string> = new Set(["WorkflowDefinition.computed"]);

interface Field {
  readonly name: string;
  readonly form: string;
  readonly about: string;
}

function fieldsOf(message: string): readonly Field[] {
  const body = new RegExp(`\\nmessage ${message} \\{\\n([^]*?)\\n\\}\\n`).exec(SCHEMA)?.[1] ?? "";
  const fields = body.matchAll(/((?:^ {2}\/\/ .*\n)+) {2}(optional |repeated )?([\w.]+(?:<\w+, [\w.]+>)?) (\w+) = \d+/gm);
  const inFile = [...fields].filter(([, , , , name = ""]) => !NOT_IN_FILE.has(`${message}.${name}`));
  return inFile.map(([, comment = "", label = "", type = "", name = ""]) => {
    const wireType = `${label === "repeated " ? label : ""}${type}`;
    const about = comment
      .replace(/^ {2}\/\/ /gm, "")
      .trim()
      .replaceAll("\n", " ")
      .replaceAll("default_value", "default");
    return { name, form: FORMS[wireType] ?? expect.unreachable(wireType), ...WRITTEN.get(`${message}.${name}`), about };
  });
}

function generated(): string {
  return TABLES.map(({ message, heading }) => {
    const rows = fieldsOf(message).map(({ name, form, about }) => `| \`${name}\` | ${form} | ${about.replaceAll("|", "\\|")} |`);
    return [`## ${heading}`, "", "| field | is | meaning |", "| --- | --- | --- |", ...rows].join("\n");
  }).join("\n\n");
}

test("docs/workflow-file.md says of every field what the schema says", () => {
  const page = readFileSync(PAGE, "utf8");
  const [, before = "", , after = ""] =
    /^([^]*<!-- generated from the schema -->\n\n)([^]*?)(\n\n<!-- end of the generated part -->[^]*)$/.exec(page) ?? [];
  const wanted = `${before}${generated()}${after}`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(PAGE, wanted);
  else expect(unaligned(page)).toBe(unaligned(wanted));
});

for (const { message, file } of TABLES) {
  test(`the reader knows exactly the fields of ${message}`, async () => {
    const fault = await readWorkflowFile(file, { file: "w", readSource: async () => undefined }).catch((error: unknown) => error);
    const said = fault instanceof HoldfastError ? (fault.details.find(({ reason }) => reason.includes("unknown field"))?.reason ?? "") : "";
    expect(said.replace(/^.* has /, "").split(", ")).toEqual(fieldsOf(message).map(({ name }) => name));
  });
}

test("the examples of the page are valid workflow files", async () => {
  const examples = [...readFileSync(PAGE, "utf8").matchAll(/```yaml\n(name:[^]*?)```/g)].map(([, text = ""]) => text);
  expect(examples.length).toBeGreaterThan(0);
  for (const text of examples) await readWorkflowFile(text, { file: "docs", readSource: async () => Buffer.from("x") });
});

/** The formatter aligns tables; what they say is compared. */
function unaligned(text: string): string {
  return text.replace(/ +\|/g, " |").replace(/\| -+ /g, "| --- ");
}
