import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { WorkflowDefinitionSchema } from "../gen/holdfast/v1/workflow_pb.ts";
import { parseParams } from "./workflow-params.ts";
import { readWorkflowFile } from "./workflow-file.ts";

const FILES: ReadonlyMap<string, Uint8Array> = new Map([
  ["nginx.conf", Buffer.from([0, 1, 255])],
  ["nginx.conf.tmpl", Buffer.from("server ${{ params.version }};\n")],
  ["broken.tmpl", Buffer.from("server\n${{ params.version + }};\n")],
]);

async function read(text: string) {
  return (await readFile(text)).definition;
}

function readFile(text: string) {
  return readWorkflowFile(text, { file: "w.yaml", readSource: async (path) => FILES.get(path) });
}

async function jsonOf(text: string): Promise<unknown> {
  return toJson(WorkflowDefinitionSchema, await read(text));
}

/** The lines of the error that reading gives. */
async function faultsOf(text: string): Promise<readonly string[]> {
  try {
    await read(text);
  } catch (error) {
    if (error instanceof HoldfastError) return error.message.split("\n");
    throw error;
  }
  return [];
}

const HEAD = "name: w\ntargets: { where: 'true' }\nstages:\n";

test("every field of the format reaches the definition", async () => {
  const text = `
name: rotate
description: Bring it there.
params:
  version: { type: string, default: "1.27.4", pattern: '^1\\.', description: which }
  change: { type: string, required: true }
  hosts: { type: int, min: 1, max: 9, allowed: [1, 2], default: 2 }
targets: { where: 'target.labels.role == "web"', expect: 120 }
annotations: { ticket: "T-1" }
output: "stage('fix').changed"
stages:
  - name: fix
    over: targets
    annotations: { why: because }
    lock: "rack \${{ target.labels.rack }}"
    rollout: { waves: [1, 10%, 100%], pause: 60s, parallel: 20, max_failures: 2%, max_at_risk: 10, rate: 30/m }
    actions:
      - { name: scan, uses: command, with: { argv: [scan-host, --json], output: json, effects: none } }
      - name: apply
        when: size(scan.output.issues) > 0
        uses: file
        with: { path: /etc/nginx.conf, source: nginx.conf.tmpl, template: true, mode: "0644" }
        retry: { attempts: 3, backoff: 2s, backoff_max: 1m, jitter: 0.5, on: [unreachable, timed_out] }
        timeout: 1.5s
        total_timeout: 2h
        schedule_timeout: 3h
        needs: [scan]
        annotations: { risk: low }
      - { name: other, uses: file, needs: [], with: { path: /x, source: nginx.conf } }
`;
  expect(await jsonOf(text)).toEqual({
    name: "rotate",
    description: "Bring it there.",
    params: {
      version: { type: "PARAM_TYPE_STRING", defaultValue: "1.27.4", pattern: "^1\\.", description: "which" },
      change: { type: "PARAM_TYPE_STRING", required: true },
      hosts: { type: "PARAM_TYPE_INT", min: 1, max: 9, allowed: [1, 2], defaultValue: 2 },
    },
    targets: { where: 'target.labels.role == "web"', expect: 120 },
    annotations: { ticket: "T-1" },
    output: "stage('fix').changed",
    stages: [
      {
        name: "fix",
        over: { targets: true },
        annotations: { why: "because" },
        rollout: {
          waves: [{ count: 1 }, { percent: 10 }, { percent: 100 }],
          pause: "60s",
          parallel: 20,
          maxFailures: { percent: 2 },
          maxAtRisk: { count: 10 },
          rate: { tokens: 30, period: "60s" },
        },
        locks: ["rack ${{ target.labels.rack }}"],
        actions: [
          { name: "scan", uses: "command", with: { argv: ["scan-host", "--json"], output: "json", effects: "none" } },
          {
            name: "apply",
            uses: "file",
            when: "size(scan.output.issues) > 0",
            with: { path: "/etc/nginx.conf", content: "server ${{ params.version }};\n", template: true, mode: "0644" },
            retry: { attempts: 3, backoff: "2s", backoffMax: "60s", jitter: 0.5, on: ["RETRY_ON_UNREACHABLE", "RETRY_ON_TIMED_OUT"] },
            timeout: "1.500s",
            totalTimeout: "7200s",
            scheduleTimeout: "10800s",
            needs: { actions: ["scan"] },
            annotations: { risk: "low" },
          },
          { name: "other", uses: "file", needs: {}, with: { path: "/x", content_base64: "AAH/" } },
        ],
      },
    ],
  });
});

test("an unknown field is named with its place and the field that was meant", async () => {
  expect(await faultsOf(`${HEAD}  - { name: a, actions: [{ name: x, uses: wait, whem: "true" }] }`)).toEqual([
    'w.yaml:4:49: stages[0].actions[0].whem: unknown field; did you mean "when"?',
  ]);
  expect(await faultsOf(`${HEAD}  - { name: a, over: targets, rollout: { speed: 1 }, actions: [{ name: x, uses: wait }] }`)).toEqual([
    "w.yaml:4:42: stages[0].rollout.speed: unknown field; rollout has waves, pause, parallel, max_failures, max_at_risk, rate",
  ]);
});

test("all faults of a file come at once, in its order", async () => {
  const text = `${HEAD}  - name: A
    over: hosts
    actions:
      - { name: x, uses: wait, timeout: 5 }
      - { name: x, uses: wait, retry: { attempts: 0 } }
`;
  expect(await faultsOf(text)).toEqual([
    "w.yaml:4:11: stages[0].name: must be lower-case letters, digits, _ and -, at most 64, a letter first",
    "w.yaml:5:11: stages[0].over: must be targets, or { list: EXPRESSION, max: N }; leave it out for a stage that runs once",
    "w.yaml:7:41: stages[0].actions[0].timeout: must be a number and a unit (ms, s, m, h, d), such as 500ms, 60s, 1.5s, 5m, 2h or 1d; found a number",
    'w.yaml:8:17: stages[0].actions[1].name: "x" is the name of stages[0].actions[0] already',
    "w.yaml:8:51: stages[0].actions[1].retry.attempts: must be between 1 and 100",
  ]);
});

test("cycles and unknown names in needs are refused", async () => {
  const text = `${HEAD}  - name: a
    actions:
      - { name: x, uses: wait, needs: [y] }
      - { name: y, uses: wait, needs: [x] }
      - { name: z, uses: wait, needs: [yy] }
`;
  expect(await faultsOf(text)).toEqual([
    'w.yaml:6:39: stages[0].actions[0].needs: "x" waits for itself: its needs lead back to it',
    'w.yaml:7:39: stages[0].actions[1].needs: "y" waits for itself: its needs lead back to it',
    'w.yaml:8:40: stages[0].actions[2].needs[0]: there is no action "yy" in this stage; did you mean "y"?',
  ]);
});

test("needs across stages and of stages name what comes before, and a milestone takes nothing that is for targets", async () => {
  const text = `${HEAD}  - { name: a, over: targets, continue_on_error: true, actions: [{ name: x, uses: wait, continue_on_error: true }] }
  - { name: b, needs: [a], actions: [{ name: y, uses: wait, needs: [a.x] }] }
  - { name: done, needs: [] }
`;
  expect((await read(text)).stages).toMatchObject([
    { continueOnError: true, actions: [{ continueOnError: true }] },
    { needs: { stages: ["a"] }, actions: [{ needs: { actions: ["a.x"] } }] },
    { needs: { stages: [] }, actions: [] },
  ]);
  const wrong = `${HEAD}  - { name: a, needs: [b], actions: [{ name: x, uses: wait, needs: [b.y, a.x] }] }
  - { name: b, needs: [c, a, a], actions: [{ name: y, uses: wait, needs: [a.z] }] }
  - { name: done, over: targets, continue_on_error: maybe }
`;
  expect(await faultsOf(wrong)).toEqual([
    'w.yaml:4:24: stages[0].needs[0]: there is no stage "b" before this one',
    'w.yaml:4:69: stages[0].actions[0].needs[0]: there is no stage "b" before this one',
    'w.yaml:4:74: stages[0].actions[0].needs[1]: there is no stage "a" before this one',
    'w.yaml:5:24: stages[1].needs[0]: there is no stage "c" before this one; did you mean "a"?',
    "w.yaml:5:30: stages[1].needs[2]: is named twice",
    'w.yaml:5:75: stages[1].actions[0].needs[0]: there is no action "z" in stage "a"; did you mean "x"?',
    "w.yaml:6:25: stages[2].over: is not for a stage without actions, which is a milestone",
    "w.yaml:6:53: stages[2].continue_on_error: must be true or false; found text",
  ]);
});

test("alternatives are read with their own arguments and times, and take the place of uses and with", async () => {
  const text = `${HEAD}  - name: a
    actions:
      - name: send
        try:
          - { uses: wait, with: { for: 1s }, retry: { attempts: 2 }, timeout: 3s, total_timeout: 9s, on_unknown: next }
          - { uses: file, with: { path: /x, source: nginx.conf } }
      - { name: then, uses: wait, needs: [send], when: send.alternative == 1 }
`;
  expect(await jsonOf(text)).toMatchObject({
    stages: [
      {
        actions: [
          {
            name: "send",
            try: [
              {
                uses: "wait",
                with: { for: "1s" },
                retry: { attempts: 2 },
                timeout: "3s",
                totalTimeout: "9s",
                onUnknown: "ON_UNKNOWN_NEXT",
              },
              { uses: "file", with: { path: "/x", content_base64: "AAH/" } },
            ],
          },
          { needs: { actions: ["send"] } },
        ],
      },
    ],
  });
  const wrong = `${HEAD}  - name: a
    actions:
      - { name: x, uses: wait, try: [{ uses: wait, on_unknown: go, with: { for: "\${{ x.changed }}" } }, { with: {} }] }
      - { name: y, try: [] }
`;
  expect((await faultsOf(wrong)).filter((line) => line.startsWith("w.yaml"))).toEqual([
    "w.yaml:6:26: stages[0].actions[0].uses: is not for an action with try: its alternatives have their own",
    "w.yaml:6:64: stages[0].actions[0].try[0].on_unknown: must be next; leave it out for what is held when it is unknown",
    'w.yaml:6:86: stages[0].actions[0].try[0].with.for: no such name "x"; known here: params, workflow, task, attempt',
    "w.yaml:6:105: stages[0].actions[0].try[1]: uses is missing: name the kind of action, such as command or file",
    "w.yaml:7:25: stages[0].actions[1].try: 1 to 16 alternatives; found 0",
  ]);
});

test("undo is read with its own arguments; only main actions have it", async () => {
  const text = `${HEAD}  - name: a
    over: targets
    undo: wave
    actions: [{ name: x, uses: wait, undo: { uses: wait, with: { for: "\${{ x.outcome }}" }, retry: { attempts: 2 }, timeout: 3s, total_timeout: 9s } }]
  - { name: b, undo: target, actions: [{ name: x, uses: wait }] }
`;
  expect(await jsonOf(text)).toMatchObject({
    stages: [
      { undo: "STAGE_UNDO_WAVE", actions: [{ undo: { uses: "wait", retry: { attempts: 2 }, timeout: "3s", totalTimeout: "9s" } }] },
      { undo: "STAGE_UNDO_TARGET" },
    ],
  });
  const wrong = `${HEAD}  - name: a
    undo: all
    actions: [{ name: x, uses: wait, undo: { with: { for: "\${{ y.outcome }}" } } }]
    always: [{ name: y, uses: wait, undo: { uses: wait } }]
`;
  expect((await faultsOf(wrong)).filter((line) => line.startsWith("w.yaml"))).toEqual([
    "w.yaml:5:11: stages[0].undo: must be target or wave",
    "w.yaml:6:44: stages[0].actions[0].undo: uses is missing: name the kind of action, such as command or file",
    'w.yaml:6:64: stages[0].actions[0].undo.with.for: no such name "y"; did you mean "x"?',
    "w.yaml:7:43: stages[0].always[0].undo: only main actions are undone; this one handles how they ended",
  ]);
});

test("what handles an end is read as actions and stages are, its names and expressions checked", async () => {
  const text = `${HEAD}  - name: a
    over: targets
    actions: [{ name: x, uses: wait }]
    on_success: [{ name: y, uses: wait, when: x.changed }]
    on_failure: [{ name: z, uses: wait }, { name: z2, uses: wait, needs: [z] }]
    always: [{ name: v, uses: file, with: { path: /x, source: nginx.conf } }]
on_success: [{ name: b, actions: [{ name: x, uses: wait }] }]
on_failure: [{ name: c, actions: [{ name: x, uses: wait }], needs: [] }]
always: [{ name: d }]
`;
  expect(await jsonOf(text)).toMatchObject({
    stages: [{ onSuccess: [{ name: "y" }], onFailure: [{ name: "z" }, { name: "z2" }], always: [{ with: { content_base64: "AAH/" } }] }],
    onSuccess: [{ name: "b" }],
    onFailure: [{ name: "c", needs: {} }],
    always: [{ name: "d" }],
  });
  const wrong = `${HEAD}  - name: a
    actions: [{ name: x, uses: wait }]
    on_failure: [{ name: x, uses: wait, needs: [x] }, { name: y, uses: wait, needs: [x], when: x.chnged }]
always: [{ name: a, actions: [{ name: x, uses: wait, needs: [a.y2] }] }]
`;
  expect(await faultsOf(wrong)).toEqual([
    'w.yaml:6:26: stages[0].on_failure[0].name: "x" is the name of stages[0].actions[0] already',
    'w.yaml:6:48: stages[0].on_failure[0].needs: "x" waits for itself: its needs lead back to it',
    'w.yaml:6:98: stages[0].on_failure[1].when: no such field "chnged" in x; did you mean "changed"?',
    "  x.chnged",
    "    ^",
    'w.yaml:7:18: always[0].name: "a" is the name of stages[0] already',
    'w.yaml:7:62: always[0].actions[0].needs[0]: there is no action "y2" in stage "a"',
  ]);
});

test("an expression's error has the line and column inside the file, quoted, plain or in a block", async () => {
  const places = (lines: readonly string[]) =>
    lines.filter((line) => line.startsWith("w.yaml")).map((line) => line.split(": ", 2).join(" "));
  const action = (field: string) => `${HEAD}  - name: a\n    actions:\n      - name: x\n        uses: wait\n        ${field}\n`;
  expect(places(await faultsOf(action("when: 1 + nope")))).toEqual(["w.yaml:8:19 stages[0].actions[0].when"]);
  expect(places(await faultsOf(action("when: '1 + nope'")))).toEqual(["w.yaml:8:20 stages[0].actions[0].when"]);
  expect(places(await faultsOf(action("when: |\n          true &&\n            nope")))).toEqual([
    "w.yaml:10:13 stages[0].actions[0].when",
  ]);
  expect(places(await faultsOf(action("with: { for: 'a ${{ nope }}' }")))).toEqual(["w.yaml:8:29 stages[0].actions[0].with.for"]);
});

test("a field, a parameter or a type that an expression gets wrong is told before the service sees it, with the line and a caret", async () => {
  const text = `name: w
params: { version: {} }
targets: { where: 'target.label.site == "a"' }
stages:
  - { name: s, over: targets, actions: [{ name: x, uses: wait, when: params.verison != "", with: { for: 1s } }] }
output: stage("s").faild
`;
  expect(await faultsOf(text)).toEqual([
    'w.yaml:3:27: targets.where: no such field "label" in target; did you mean "labels"?',
    '  target.label.site == "a"',
    "         ^",
    'w.yaml:5:77: stages[0].actions[0].when: no such field "verison" in params; did you mean "version"?',
    '  params.verison != ""',
    "         ^",
    'w.yaml:6:20: output: no such field "faild" in stage("s"); did you mean "failed"?',
    '  stage("s").faild',
    "             ^",
  ]);
});

test("an action sees what ended before it, and nothing else", async () => {
  const actions = (when: string) => `${HEAD}  - name: a
    actions:
      - { name: pre-scan, uses: wait, needs: [] }
      - { name: side, uses: wait, needs: [] }
      - { name: x, uses: wait, needs: [pre-scan], when: ${when} }
`;
  expect(await faultsOf(actions("pre_scan.changed"))).toEqual([]);
  expect((await faultsOf(actions("side.changed"))).length).toBeGreaterThan(0);
  expect((await faultsOf(actions("target.name == ''"))).length).toBeGreaterThan(0);
});

test("waves of nothing, wrong amounts and no targets are refused", async () => {
  const rollout = (text: string) => `${HEAD}  - { name: a, over: targets, rollout: { ${text} }, actions: [{ name: x, uses: wait }] }`;
  expect(await faultsOf(rollout("waves: [0]"))).toEqual([
    "w.yaml:4:50: stages[0].rollout.waves[0]: a wave of nothing would never end; write at least 1, or a percentage above 0%",
  ]);
  expect(await faultsOf(rollout("max_failures: 101%"))).toEqual([
    "w.yaml:4:56: stages[0].rollout.max_failures: must be a whole number such as 3, or a percentage such as 10%, at most 100%",
  ]);
  expect(await faultsOf("name: w\nstages: [{ name: a, over: targets, actions: [{ name: x, uses: wait }] }]")).toEqual([
    "w.yaml:2:9: stages: a stage runs over targets, and the workflow has no targets: say which",
  ]);
  expect(await faultsOf("name: w\nstages: []")).toEqual(["w.yaml:2:9: stages: a workflow needs at least one stage; found none"]);
  expect(await faultsOf("name: w\ntargets: {}\nstages: [{ name: a, actions: [{ name: x, uses: wait }] }]")).toEqual([
    "w.yaml:2:10: targets: needs where (a condition) or names (a list): nothing never means all",
  ]);
});

test("a source that is missing, or doubled, or a broken template, is named at its place", async () => {
  const source = (text: string) => `${HEAD}  - name: a\n    actions:\n      - { name: x, uses: file, with: { path: /x, ${text} } }\n`;
  expect(await faultsOf(source("source: gone.conf"))).toEqual([
    "w.yaml:6:58: stages[0].actions[0].with.source: there is no such file (paths are relative to the workflow file)",
  ]);
  expect((await faultsOf(source("source: nginx.conf, content: x")))[0]).toContain("write one of them");
  expect((await faultsOf(source("source: nginx.conf, template: true")))[0]).toContain("must be UTF-8 text");
  expect((await faultsOf(source("source: broken.tmpl, template: true")))[0]).toContain("stages[0].actions[0].with.content:2:");
});

test("nested brackets, bombs and other YAML are an error, not a crash", async () => {
  expect((await faultsOf("[".repeat(10_000)))[0]).toMatch(/^w\.yaml:1:\d+: /);
  expect((await faultsOf("- a"))[0]).toMatch(/must be a map/);
  expect((await faultsOf(""))[0]).toMatch(/^w\.yaml/);
  expect((await faultsOf("name: w\nname: v"))[0]).toContain("twice");
});

test("parameters are read by their declared types", async () => {
  const definition = await read(`
name: w
params: { s: { type: string }, i: { type: int }, b: { type: bool }, l: { type: list }, n: { type: number, required: true } }
stages: [{ name: a, actions: [{ name: x, uses: wait }] }]
`);
  expect(parseParams(definition, ["s=1=2", "i=-7", "b=true", 'l=[1,"a"]', "n=1.5"])).toEqual({
    s: "1=2",
    i: -7,
    b: true,
    l: [1, "a"],
    n: 1.5,
  });
  expect(() => parseParams(definition, ["i=1.5", "x=1", "s", "b=yes"])).toThrow(
    [
      "--param i: must be a whole number",
      '--param x: is not declared in the workflow\'s params; did you mean "s"?',
      "--param s: must be name=value",
      "--param b: must be true or false",
      "--param n: is required and missing",
    ].join("\n"),
  );
});

test("a stage that expressions name must be one of the workflow", async () => {
  const text = `${HEAD}  - { name: fix, actions: [{ name: a, uses: wait, when: "stage('fx').failed > 0", with: { for: "\${{ stage('later').failed }}s" } }] }
output: stage('fix').changed + stage(workflow.key).changed
`;
  expect(await faultsOf(text)).toEqual([
    "w.yaml:4:57: stages[0].actions[0].when: stage('…') names no stage of this workflow; did you mean \"fix\"?; there are fix",
    "w.yaml:4:89: stages[0].actions[0].with: stage('…') names no stage of this workflow; there are fix",
  ]);
});

test("what the service finds is told with line and column of the file, whatever form its place has", async () => {
  const text = `${HEAD}  - name: fix
    actions:
      - name: a
        uses: fiel
        with: { path: x, zzz: 1, argv: ["a \${{ workflow.id }}"], source: nginx.conf }
      - name: b
        uses: assert
        with:
          that: |
            true
            && x
`;
  const { placed } = await readFile(text);
  const details = [
    { place: "stages[0].actions[0].uses", reason: "the service knows no such action" },
    { place: "stages[0].actions[0].with.zzz", reason: "unknown argument" },
    { place: "stages[0].actions[0].with.argv[0]:1:7", reason: "no such key" },
    { place: "definition.stages[0].actions[0].with.gone:2:3", reason: "inside a source" },
    { place: "stages[0].actions[1].with.that:2:4", reason: "no such name" },
    { place: "params.x", reason: "of a flag" },
  ];
  const error = placed(new HoldfastError("INVALID_ARGUMENT", "not valid", { details }));
  expect(error.message.split("\n")).toEqual([
    "w.yaml:7:15: stages[0].actions[0].uses: the service knows no such action",
    "w.yaml:8:26: stages[0].actions[0].with.zzz: unknown argument",
    "w.yaml:8:48: stages[0].actions[0].with.argv[0]: no such key",
    "w.yaml:8:15: stages[0].actions[0].with.gone:2:3: inside a source",
    "w.yaml:14:16: stages[0].actions[1].with.that: no such name",
    "params.x: of a flag",
  ]);
  const led = placed(new HoldfastError("FAILED_PRECONDITION", "targets: 4 were chosen, 7 are expected; look"));
  expect(led).toMatchObject({ code: "FAILED_PRECONDITION", message: "w.yaml:2:10: targets: 4 were chosen, 7 are expected; look" });
  const other = new HoldfastError("ALREADY_EXISTS", "the key is taken");
  expect(placed(other)).toBe(other);
});
