import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { aLocalTarget, anAttempt } from "../../test/fakes/attempt-context.ts";
import { createTestTransport } from "../../test/fakes/local-transport.ts";
import { createRealTransport } from "../../test/fakes/real-transport.ts";
import { OUTPUT_BYTES_MAX } from "../base/limits.ts";
import type { ApplyResult, AttemptContext, PreparedAction } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import { commandAction } from "./command.ts";

function aRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "holdfast-command-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

function prepare(args: JsonObject): PreparedAction {
  return commandAction(createRealTransport()).parse(args);
}

async function apply(args: JsonObject, over: Partial<AttemptContext> = {}): Promise<ApplyResult> {
  return prepare(args).apply(anAttempt({ target: aLocalTarget(aRoot()), ...over }), "");
}

test.each<readonly [JsonObject, Effects]>([
  [{ argv: ["x"] }, Effects.UNSAFE],
  [{ argv: ["x"], effects: "none" }, Effects.NONE],
  [{ argv: ["x"], creates: "/a" }, Effects.IDEMPOTENT],
  [{ argv: ["x"], removes: ["/a", "/b"] }, Effects.IDEMPOTENT],
  [{ argv: ["x"], unless: "true" }, Effects.IDEMPOTENT],
  [{ argv: ["x"], onlyif: ["true"] }, Effects.UNSAFE],
  [{ argv: ["x"], unless: "true", effects: "unsafe" }, Effects.UNSAFE],
])("%j has its effects from its guards", (args, effects) => {
  expect(prepare(args).effects).toBe(effects);
  expect(prepare(args).look === undefined).toBe(effects === Effects.NONE);
});

test("a command runs in the root of its target and finds its target, its key and its variables", async () => {
  const root = aRoot();
  const shell = 'pwd -P; echo "$HOLDFAST_TARGET $HOLDFAST_TASK_KEY $HOLDFAST_ATTEMPT $WHO"; cat';
  const result = await apply({ shell, env: { WHO: "me" }, stdin: "in" }, { target: aLocalTarget(root) });
  expect(result).toMatchObject({
    kind: "applied",
    exitStatus: 0,
    output: `${root}\nweb-01 019a9f1e-5c3a-7d10-8f00-0123456789ab.1.7 1 me\nin`,
  });
});

test("argv takes no shell", async () => {
  expect(await apply({ argv: ["printf", "%s", "$(id) `id` * ; x"] })).toMatchObject({ output: "$(id) `id` * ; x" });
});

test("a working directory lies inside the root", async () => {
  const root = aRoot();
  expect(await apply({ argv: ["pwd"], cwd: "/" }, { target: aLocalTarget(root) })).toMatchObject({ output: root });
  expect(await apply({ argv: ["pwd"], cwd: "x" }, { target: undefined })).toMatchObject({ kind: "failed", isRetryable: false });
});

test("JSON output is read, and what is no JSON fails with its place and without its text", async () => {
  expect(await apply({ shell: `echo '{"issues": []}'`, output: "json" })).toMatchObject({ kind: "applied", output: { issues: [] } });
  const broken = await apply({ shell: `printf '{\\n "a": hush}'`, output: "json" });
  expect(broken).toMatchObject({ kind: "failed", message: "stdout is not JSON at line 2, column 7; print JSON, or say output: text" });
  expect(await apply({ shell: ":", output: "json" })).toMatchObject({
    kind: "failed",
    message: expect.stringContaining("stdout is empty"),
  });
  const deep = await apply({
    shell: "i=0; while [ $i -lt 3000 ]; do printf '['; i=$((i+1)); done; while [ $i -gt 0 ]; do printf ']'; i=$((i-1)); done",
    output: "json",
  });
  expect(deep).toMatchObject({ kind: "failed", message: expect.stringContaining("nested deeper") });
});

test("output beyond the bound is cut as text, a failure as JSON", async () => {
  const shell = `head -c ${OUTPUT_BYTES_MAX + 1} /dev/zero | tr '\\0' 1`;
  const text = await apply({ shell });
  expect(text).toMatchObject({ kind: "applied", output: expect.stringMatching(/1\n\[cut: more than \d+ bytes\]$/) });
  expect(await apply({ shell, output: "json" })).toMatchObject({ kind: "failed", message: expect.stringContaining("larger than") });
  expect(await apply({ shell, output: "none" })).not.toHaveProperty("output");
});

test("an exit status that is not wanted fails with the last line of stderr", async () => {
  const shell = "echo out; echo first >&2; echo 'no space left' >&2; exit 3";
  expect(await apply({ shell })).toEqual({
    kind: "failed",
    message: "the command ended with 3: no space left",
    exitStatus: 3,
    output: "out",
    outputTail: "out\nfirst\nno space left",
  });
  expect(await apply({ shell, ok_status: [0, 3] })).toMatchObject({ kind: "applied", exitStatus: 3 });
});

test("a command is ended at its timeout, and by the abort", async () => {
  expect(await apply({ argv: ["sleep", "60"] }, { timeoutMs: 50 })).toMatchObject({
    kind: "failed",
    message: expect.stringContaining("timed out"),
  });
  expect(await apply({ argv: ["sleep", "60"] }, { signal: AbortSignal.timeout(50) })).toMatchObject({ kind: "cancelled" });
});

test.each<readonly [JsonObject, string]>([
  [{ creates: "/here" }, "converged"],
  [{ creates: ["/here", "/gone"] }, "different"],
  [{ removes: "/gone" }, "converged"],
  [{ removes: ["/here", "/gone"] }, "different"],
  [{ unless: "grep -q wanted here" }, "converged"],
  [{ unless: ["grep", "-q", "other", "here"] }, "different"],
  [{ onlyif: "false" }, "converged"],
  [{ onlyif: "true" }, "unknowable"],
  [{ onlyif: "true", creates: "/gone" }, "different"],
  [{ onlyif: "false", creates: "/gone" }, "converged"],
  [{ unless: "echo holdfast-guards 1; echo unless 0; false" }, "different"],
  [{ unless: "exit 7" }, "different"],
  [{ unless: ["no-such-program"] }, "failed"],
  [{ creates: '/it\'s "$HOME"' }, "different"],
])("guards %j say %s", async (guards, kind) => {
  const root = aRoot();
  writeFileSync(join(root, "here"), "wanted\n");
  const prepared = prepare({ argv: ["x"], ...guards });
  expect((await prepared.check(anAttempt({ target: aLocalTarget(root) }))).kind).toBe(kind);
});

test("a guard that changes its mind after the command says converged", async () => {
  const root = aRoot();
  const context = anAttempt({ target: aLocalTarget(root) });
  const prepared = prepare({ shell: "echo done > made", unless: "grep -q done made" });
  expect(await prepared.check(context)).toMatchObject({ kind: "different", checksum: "unless=2" });
  expect(await prepared.apply(context, "")).toMatchObject({ kind: "applied" });
  expect(await prepared.check(context)).toMatchObject({ kind: "converged", checksum: "unless=0" });
  expect(readFileSync(join(root, "made"), "utf8")).toBe("done\n");
});

test("what may change something runs under its key and can be looked up; what only reads does not", async () => {
  const transport = createTestTransport();
  const context = anAttempt({ target: aLocalTarget(aRoot()) });
  const unsafe = commandAction(transport).parse({ shell: "echo hello" });
  expect(await unsafe.check(context)).toEqual({ kind: "unknowable" });
  await unsafe.apply(context, "");
  expect(await unsafe.look?.(context)).toMatchObject({ kind: "applied", output: "hello" });
  await commandAction(transport)
    .parse({ argv: ["true"], effects: "none" })
    .apply(context, "");
  expect(transport.commands.map(({ run }) => run?.attempt)).toEqual([1, undefined]);
  expect(existsSync("hello")).toBe(false);
});
