// Requests that the service takes, as JSON, by method: what inputs begin as. A method without a row begins as the empty message.
// 1. Names that begin with @ stand for workflows that are there (service.ts).

import { toJson } from "@bufbuild/protobuf";
import type { JsonValue } from "../../internal/base/json.ts";
import type { WorkflowDefinition } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { WorkflowDefinitionSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { readWorkflowFile } from "../../internal/sdk/workflow-file.ts";
import { objectOf } from "./odd-values.ts";
import { samplesOf } from "./samples.ts";
import { CANARY } from "./service.ts";

/** A fresh one for each input: a second use of an ID is answered before anything of the request is looked at. */
const REQUEST_ID = "@request";
const POLICY =
  "name: p\nmatch: 'true'\nrules: [{ name: r, gates: [submit], enforcement: deny, expr: 'size(workflow.stages) < 3', message: '\"no\"' }]\n";

/** A workflow file with every kind of action, and most of what the language has. */
const FILE = `name: fuzzed
params:
  n: { type: int, default: 1 }
  s: { type: string, default: ${CANARY} }
targets: { where: "target.labels.site == 'ams'" }
stages:
  - name: fix
    over: targets
    rollout: { waves: [1, 50%], parallel: 3, max_failures: 1, max_at_risk: 2, pause: 1ms }
    locks: ["'site:' + target.labels.site"]
    actions:
      - { name: apply, uses: set, with: { name: a, value: ${CANARY} }, retry: { attempts: 2, delay: 1ms } }
      - { name: conf, uses: file, with: { path: /etc/x, content: ${CANARY}, mode: "0644" }, needs: [apply], when: "target.name != 'h9'" }
      - { name: dir, uses: directory, with: { path: /var/x, owner: root } }
  - name: once
    actions:
      - { name: run, uses: command, with: { argv: ["true", ${CANARY}], effects: none } }
      - { name: ask, uses: http, with: { url: "http://127.0.0.1:1/", method: GET, headers: { a: ${CANARY} }, expect: "status == 200" } }
      - { name: that, uses: assert, with: { that: "stage('fix').failed == 0", message: no } }
      - { name: rest, uses: wait, with: { for: 1ms } }
output: "{'n': params.n}"
annotations: { a: b }
`;
const SMALL: JsonValue = {
  requestId: REQUEST_ID,
  definition: {
    name: "small",
    targets: { names: ["h0"] },
    stages: [{ name: "fix", over: { targets: true }, actions: [{ name: "apply", uses: "set", with: { name: "a", value: CANARY } }] }],
  },
};
const REF = [{ id: "@ended" }, { id: "@held" }, { id: "@running" }, { id: "@submitted" }, { id: "k", namespace: "default" }];

/** The methods' good requests, by the method's name. */
export async function goodRequests(): Promise<ReadonlyMap<string, readonly JsonValue[]>> {
  const submissions: JsonValue[] = [SMALL];
  // The samples' own actions are not known here: a simulated one stands for them.
  for (const text of [
    FILE,
    FILE,
    ...samplesOf("workflow").map((sample) => sample.replaceAll(/(uses: *)(?:erase|scan|marker)[\w@.-]*/g, "$1set")),
  ]) {
    try {
      const { definition } = await readWorkflowFile(text, { file: "f", readSource: async () => new Uint8Array() });
      // Samples choose among hosts that are not here.
      if (definition.targets !== undefined && text !== FILE)
        Object.assign(definition.targets, { where: "true", names: [], expect: undefined });
      submissions.push({ requestId: REQUEST_ID, definition: toJson(WorkflowDefinitionSchema, definition), params: paramsOf(definition) });
    } catch {
      continue; // a snippet that is not a whole file
    }
  }
  const awaiting = (rest: { readonly [key: string]: JsonValue }): JsonValue[] => [{ workflow: { id: "@awaiting" }, ...rest }];
  const about = (rest: { readonly [key: string]: JsonValue }): JsonValue[] => REF.map((workflow) => ({ workflow, ...rest }));
  return new Map<string, readonly JsonValue[]>([
    ["Submit", submissions],
    ["Plan", submissions.map((submission) => ({ submission }))],
    ["Explain", submissions.map((submission) => ({ submission }))],
    ["Exec", [...about({}), ...about({ wait: true }), ...about({ digest: "@digest" })]],
    ["Status", about({})],
    ["Watch", [...about({ afterSeq: "2" }), ...about({ statusOnly: true })]],
    [
      "ListTasks",
      about({ pageSize: 2, filter: "task.attempts > 0", outcomes: ["TASK_OUTCOME_SUCCEEDED"] }).concat(
        about({ stage: "fix", target: "h0", pageToken: "1" }),
      ),
    ],
    ["ListWorkflows", [{ namespace: "*", pageSize: 2, filter: 'workflow.phase == "SUCCEEDED"' }, { pageToken: "@ended" }]],
    ["GetHistory", about({ afterSeq: "1", details: true })],
    ["Cancel", about({ reason: "r" })],
    ["Pause", about({ reason: "r" })],
    ["Unpause", about({})],
    ["Retry", about({ reason: "r", digest: "" })],
    ["Signal", awaiting({ name: "add", key: "k", data: { n: 1 } })],
    ["Query", awaiting({ name: "n" })],
    ["Complete", awaiting({ stage: "ask", action: "look", reason: "r" })],
    ["Fail", awaiting({ stage: "ask", action: "look", reason: "r" })],
    ["CompleteByToken", [{ token: "@token", data: { n: 1 } }]],
    ["FailByToken", [{ token: "@token", reason: "r" }]],
    ["ResolveTask", about({ stage: "fix", action: "apply", target: "h0", resolution: "RESOLUTION_SUCCEEDED", reason: "r" })],
    ["Why", about({ target: "h0" })],
    ["Approve", about({ digest: "@digest", reason: "r" })],
    ["GetApproval", about({})],
    [
      "Freeze",
      [
        { scope: { everything: true }, mode: "FREEZE_MODE_FINISH", reason: "r" },
        { scope: { label: { label: "site", value: "ams" } }, mode: "FREEZE_MODE_ABORT", reason: "r" },
        { scope: { namespace: "default" }, reason: "r" },
        { scope: { workflowName: "fuzzed" }, reason: "r" },
      ],
    ],
    [
      "Thaw",
      [
        { id: "f1", reason: "r" },
        { scope: { everything: true }, reason: "r" },
      ],
    ],
    ["ListLocks", [{ prefix: "target:" }]],
    ["ListLimits", [{ prefix: "fuzzed/" }]],
    [
      "Replay",
      [
        { since: "2026-01-01T00:00:00Z", candidates: [{ file: "p.yaml", source: POLICY }] },
        ...samplesOf("policy").map((source) => ({ since: "1970-01-01T00:00:00Z", candidates: [{ file: "s.yaml", source }] })),
      ],
    ],
    ["VerifyJournal", [{ head: "" }]],
    ["DumpJournal", [{ stream: "guard" }, { stream: "@ended" }]],
    ["TestSink", [{ name: "on-call" }]],
    ["CreateToken", [{ name: "t", roles: ["viewer", "approver:sre"], namespaces: ["default"], lifetime: "3600s" }]],
    ["RevokeToken", [{ name: "t" }]],
    ["Check", [{ service: "holdfast.v1.WorkflowService" }]],
    [
      "ServerReflectionInfo",
      [
        { listServices: "" },
        { fileContainingSymbol: "holdfast.v1.WorkflowService" },
        { fileContainingExtension: { containingType: "x", extensionNumber: 1 } },
        { allExtensionNumbersOfType: "google.protobuf.FieldOptions" },
      ],
    ],
  ]);
}

/** A value for each parameter that must have one. */
function paramsOf({ params }: WorkflowDefinition): JsonValue {
  const value = (pattern: string): string => (new RegExp(pattern).test(CANARY) ? CANARY : "1");
  return objectOf(Object.entries(params).flatMap(([name, { required, pattern }]) => (required ? [[name, value(pattern)] as const] : [])));
}
