// Files that people write, each by the product's own reader: workflow files, policy files and their tests, inventories, actions of one's own.
// 1. A file is read, or refused with places in it. 2. What is read is on the wire what it was, and reads the same again.

import { rmSync, writeFileSync } from "node:fs";
import { fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import { HoldfastError } from "../../../internal/base/errors.ts";
import { parseOwnAction } from "../../../internal/action/own-action-file.ts";
import { WorkflowDefinitionSchema } from "../../../internal/gen/holdfast/v1/workflow_pb.ts";
import { kindOf, readSource, sourceOf } from "../../../internal/inventory/source.ts";
import { checkPolicies } from "../../../internal/policy/policy-check.ts";
import { FEED_KINDS } from "../../../internal/engine/feed-fields.ts";
import { readPolicy } from "../../../internal/policy/policy-file.ts";
import { eventLine } from "../../../internal/sink/event-text.ts";
import { matches } from "../../../internal/sink/filter.ts";
import { readSinks } from "../../../internal/sink/sink-file.ts";
import { readWorkflowFile } from "../../../internal/sdk/workflow-file.ts";
import { aFeedEvent } from "../../fakes/feed-events.ts";
import { assertClean, assertNoInsides } from "../clean-error.ts";
import { newDirectory } from "../journal-rows.ts";
import { oddFiles } from "../odd-files.ts";
import { samplesOf } from "../samples.ts";
import { plainTarget } from "../target.ts";
import type { FuzzTarget } from "../target.ts";
import fc from "fast-check";

const FILE = "f.yaml";
const REFUSED = ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"] as const;

/** Workflow files. */
export const workflowFileTarget: FuzzTarget = plainTarget("workflow-file", "workflow files: YAML to the wire's definition", {
  inputs: oddFiles(samplesOf("workflow")),
  attempt: async (text) => {
    const definition = await refusedCleanly(text, FILE, async () => (await readWorkflow(text, FILE)).definition);
    if (definition === undefined) return;
    const again = fromBinary(WorkflowDefinitionSchema, toBinary(WorkflowDefinitionSchema, definition));
    const json = toJsonString(WorkflowDefinitionSchema, definition);
    if (toJsonString(WorkflowDefinitionSchema, again) !== json) throw new Error("the definition is not the same after the wire");
    if (toJsonString(WorkflowDefinitionSchema, (await readWorkflow(text, FILE)).definition) !== json)
      throw new Error("the same file gives another definition");
  },
});

/** Policy files, and their tests. */
export const policyFileTarget: FuzzTarget = plainTarget("policy-file", "policy files: rules, limits, and the tests in them are run", {
  inputs: oddFiles(samplesOf("policy")),
  attempt: async (source) => {
    const policy = await refusedCleanly(source, FILE, async () => readPolicy(FILE, source));
    if (policy === undefined) return;
    const reports = await checkPolicies([{ file: FILE, source }], async (text) => (await readWorkflow(text, "")).definition);
    for (const { fault, tests } of reports) {
      assertNoInsides(fault, source);
      for (const { lines } of tests) assertNoInsides(lines.join("\n"), source);
    }
  },
});

/** Actions of one's own. */
export const actionFileTarget: FuzzTarget = plainTarget("action-file", "definition files of actions of one's own", {
  inputs: oddFiles(samplesOf("action")),
  attempt: async (text) => {
    await refusedCleanly(text, FILE, async () => parseOwnAction(FILE, text));
  },
});

/** Files of sinks; what is read is asked about an event, and put into a line. */
export const sinksFileTarget: FuzzTarget = plainTarget("sinks-file", "files of sinks, and their filters on an event", {
  inputs: oddFiles(samplesOf("sinks")),
  attempt: async (text) => {
    const sinks = await refusedCleanly(text, FILE, async () => readSinks(FILE, text, FEED_KINDS));
    for (const sink of sinks ?? []) {
      const event = aFeedEvent({ event: { outcome: "WORKFLOW_OUTCOME_FAILED", error: "x" } });
      const match = matches(sink.when, event);
      if (/\n/.test(eventLine(sink.name, event, { isFilterUnclear: match === "unclear" }))) throw new Error("a line holds a line break");
    }
  },
});

/** Inventories, in each of their forms. */
export const inventoryTarget: FuzzTarget = {
  name: "inventory",
  about: "inventories: own YAML, JSON, Ansible's JSON, plain lists",
  open: async () => {
    const directory = newDirectory();
    const files = oddFiles(samplesOf("inventory"));
    return {
      inputs: fc.tuple(fc.constantFrom("inventory.yaml", "inventory.json", "inventory.txt"), files).map((parts) => parts.join("\n")),
      attempt: (input) => readInventory(directory, input),
      settle: async () => undefined,
      close: async () => rmSync(directory, { recursive: true }),
    };
  },
};

function readInventory(directory: string, input: string): void {
  const [file = "", ...lines] = input.split("\n");
  if (!/^inventory\.\w+$/.test(file)) throw new Error("the first line of an input is the file's name");
  const text = lines.join("\n");
  const source = sourceOf(file, { base: directory, home: "/home/x" });
  writeFileSync(source.path, text);
  const kind = kindOf(source);
  if (kind === "program") throw new Error("a plain file is no program");
  try {
    const { targets, faults } = readSource(source, kind);
    for (const { place, reason } of faults) {
      if (!place.startsWith(file)) throw new Error(`a fault without its place: ${JSON.stringify(place)} ${reason}`);
      assertNoInsides(reason, text);
    }
    if (faults.length > 0) return;
    for (const { target, place } of targets) {
      if (target.name === "" || !place().startsWith(file)) throw new Error("a target without a name or a place");
    }
  } catch (error) {
    assertClean(error, { codes: ["FAILED_PRECONDITION", ...REFUSED], mayShow: text });
  }
}

function readWorkflow(text: string, file: string) {
  return readWorkflowFile(text, { file, readSource: async (path) => (path.length > 3 ? Buffer.from("source\xff", "latin1") : undefined) });
}

/** The value, or undefined when it was refused as people may be refused. */
async function refusedCleanly<T>(input: string, place: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof HoldfastError) assertClean(error, { codes: REFUSED, place, mayShow: input });
    else throw error;
    return undefined;
  }
}
