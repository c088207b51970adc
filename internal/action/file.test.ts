import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { aLocalTarget, anAttempt } from "../../test/fakes/attempt-context.ts";
import { createTestTransport } from "../../test/fakes/local-transport.ts";
import { createRealTransport } from "../../test/fakes/real-transport.ts";
import { sha256Hex } from "../base/digest.ts";
import type { CheckResult, Transport } from "../engine/ports.ts";
import { fileAction } from "./file.ts";

/** A root with etc/app.conf in it, and a directory beside the root that nothing may touch. */
function aRoot(): { readonly root: string; readonly outside: string } {
  const base = mkdtempSync(join(tmpdir(), "holdfast-file-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const [root, outside] = [join(base, "root"), join(base, "outside")];
  mkdirSync(join(root, "etc"), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(root, "etc/app.conf"), "a\nb\nc\n");
  writeFileSync(join(outside, "kept"), "kept");
  return { root, outside };
}

/** Check, then apply where the check says so, then check again. */
async function run(
  root: string,
  args: JsonObject,
  transport: Transport = createRealTransport(),
): Promise<readonly { readonly kind: string }[]> {
  const prepared = fileAction(transport).parse(args);
  const context = anAttempt({ target: aLocalTarget(root) });
  const found = await prepared.check(context);
  const applied = await prepared.apply(context, found.kind === "different" ? found.checksum : "");
  return [found, applied, await prepared.check(context)];
}

async function check(root: string, args: JsonObject): Promise<CheckResult> {
  return fileAction(createRealTransport())
    .parse(args)
    .check(anAttempt({ target: aLocalTarget(root) }));
}

test("a changed file shows a unified diff and its checksums before and after", async () => {
  const { root } = aRoot();
  const [found, applied, after] = await run(root, { path: "/etc/app.conf", content: "a\nB\nc\n" });
  const sums = { sha256_before: sha256Hex("a\nb\nc\n"), sha256_after: sha256Hex("a\nB\nc\n") };
  expect(found).toEqual({
    kind: "different",
    checksum: sums.sha256_before,
    diff: "--- /etc/app.conf\n+++ /etc/app.conf\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n",
  });
  expect(applied).toMatchObject({ kind: "applied", output: { path: "/etc/app.conf", ...sums } });
  expect(after).toMatchObject({ kind: "converged", checksum: sums.sha256_after });
  expect(readFileSync(join(root, "etc/app.conf"), "utf8")).toBe("a\nB\nc\n");
  expect(readdirSync(join(root, "etc"))).toEqual(["app.conf"]);
});

test("a sensitive file shows no content, and is made for its owner alone", async () => {
  const { root } = aRoot();
  const [found, , after] = await run(root, { path: "/etc/key", content: "hush", sensitive: true });
  expect(JSON.stringify(found)).not.toContain("hush");
  expect(after?.kind).toBe("converged");
  expect(statSync(join(root, "etc/key")).mode & 0o777).toBe(0o600);
  const changed = await check(root, { path: "/etc/key", content: "other", sensitive: true });
  expect(changed).toMatchObject({ kind: "different", diff: "new content for the sensitive file\n" });
});

test("binary content is compared by size, and written byte for byte", async () => {
  const { root } = aRoot();
  const content = Buffer.from([0, 1, 2, 255, 10, 13]);
  const [found, , after] = await run(root, { path: "/etc/app.conf", content_base64: content.toString("base64") });
  expect(found).toMatchObject({ kind: "different", diff: "binary or large content: 6 bytes → 6 bytes\n" });
  expect(after?.kind).toBe("converged");
  expect(readFileSync(join(root, "etc/app.conf"))).toEqual(content);
});

test("an existing file keeps its mode unless another is wanted, and a wanted mode alone is a change", async () => {
  const { root } = aRoot();
  chmodSync(join(root, "etc/app.conf"), 0o604);
  await run(root, { path: "/etc/app.conf", content: "new" });
  expect(statSync(join(root, "etc/app.conf")).mode & 0o7777).toBe(0o604);
  const [found, , after] = await run(root, { path: "/etc/app.conf", content: "new", mode: "1640" });
  expect(found).toMatchObject({ kind: "different", diff: "mode 0604 → 1640\n" });
  expect(after?.kind).toBe("converged");
  expect(statSync(join(root, "etc/app.conf")).mode & 0o7777).toBe(0o1640);
});

test("an owner is compared by name or number, and giving a file to oneself is no change", async () => {
  const { root } = aRoot();
  const uid = String(process.getuid?.() ?? 0);
  const name = spawnSync("id", ["-un"], { encoding: "utf8" }).stdout.trim();
  for (const owner of [uid, name]) {
    const [found, applied, after] = await run(root, { path: `/etc/${owner}`, content: "x", owner });
    expect(found).toMatchObject({ kind: "different" });
    expect(applied).toMatchObject({ kind: "applied" });
    expect(after).toMatchObject({ kind: "converged", checksum: `${sha256Hex("x")} owner=${uid}` });
  }
});

test("an owner that does not exist fails and leaves nothing behind", async () => {
  const { root } = aRoot();
  const [, applied] = await run(root, { path: "/etc/new", content: "x", owner: "no-such-user-here" });
  expect(applied).toMatchObject({ kind: "failed", message: expect.stringContaining("invalid user") });
  expect(readdirSync(join(root, "etc"))).toEqual(["app.conf"]);
});

test.each([
  ["a link to a directory outside", "/etc/away/kept", "etc/away", "../../outside"],
  ["an absolute link outside", "/etc/away/new", "etc/away", "/tmp"],
  ["a link as the file itself", "/etc/kept", "etc/kept", "../../outside/kept"],
  ["a link that leads nowhere", "/etc/lost/x", "etc/lost", "nowhere"],
])("a path never leaves its root: %s", async (_name, path, link, leadsTo) => {
  const { root, outside } = aRoot();
  symlinkSync(leadsTo, join(root, link));
  const [found, applied] = await run(root, { path, content: "mine" });
  expect(found).toMatchObject({ kind: "failed", isRetryable: false });
  expect(applied).toMatchObject({ kind: "failed", isRetryable: false });
  expect(readFileSync(join(outside, "kept"), "utf8")).toBe("kept");
  expect(readdirSync(outside)).toEqual(["kept"]);
});

test("a link to a directory that stays inside the root is followed", async () => {
  const { root } = aRoot();
  symlinkSync("etc", join(root, "conf"));
  const [, , after] = await run(root, { path: "/conf/app.conf", content: "mine" });
  expect(after?.kind).toBe("converged");
  expect(readFileSync(join(root, "etc/app.conf"), "utf8")).toBe("mine");
});

test("a file that is to be absent is removed, a link itself too, and a directory is refused", async () => {
  const { root, outside } = aRoot();
  symlinkSync(join(outside, "kept"), join(root, "link"));
  expect((await run(root, { path: "/link", absent: true })).map(({ kind }) => kind)).toEqual(["different", "applied", "converged"]);
  expect(existsSync(join(outside, "kept"))).toBe(true);
  expect(await check(root, { path: "/etc", absent: true })).toMatchObject({ kind: "failed", isRetryable: false });
  expect(await check(root, { path: "/no/such/place", absent: true })).toMatchObject({ kind: "converged", checksum: "absent" });
});

test("a missing directory is a difference to look at, and a failure to write into", async () => {
  const { root } = aRoot();
  const [found, applied] = await run(root, { path: "/srv/new", content: "x" });
  expect(found).toMatchObject({ kind: "different", checksum: "absent" });
  expect(applied).toMatchObject({
    kind: "failed",
    message: expect.stringContaining("the directory of the file does not exist"),
    isRetryable: false,
  });
});

test("names with spaces, quotes, dashes and globs are names like any other", async () => {
  const { root } = aRoot();
  for (const name of ["-rf", "a b", "it's", "$(touch x)", "*", "..."]) {
    const [, applied, after] = await run(root, { path: `/etc/${name}`, content: name });
    expect([applied?.kind, after?.kind]).toEqual(["applied", "converged"]);
    expect(readFileSync(join(root, "etc", name), "utf8")).toBe(name);
  }
  expect(existsSync(join(root, "x"))).toBe(false);
});

test("content that does not arrive whole changes nothing", async () => {
  const { root } = aRoot();
  const real = createTestTransport();
  const cutting: Transport = {
    ...real,
    run: (target, command) => real.run(target, command.stdin === undefined ? command : { ...command, stdin: command.stdin.subarray(0, 2) }),
  };
  const [, applied] = await run(root, { path: "/etc/app.conf", content: "a much longer content" }, cutting);
  expect(applied).toMatchObject({ kind: "failed", message: expect.stringContaining("did not arrive whole") });
  expect(readFileSync(join(root, "etc/app.conf"), "utf8")).toBe("a\nb\nc\n");
});

test("a path under no root must begin with a slash", async () => {
  const prepared = fileAction(createTestTransport()).parse({ path: "etc/x", content: "" });
  expect(await prepared.check(anAttempt())).toMatchObject({ kind: "failed", isRetryable: false });
});

test("a look is one round trip, and so is an apply", async () => {
  const { root } = aRoot();
  const transport = createTestTransport();
  await run(root, { path: "/etc/app.conf", content: "x" }, transport);
  expect(transport.commands.map(({ run: reference }) => reference !== undefined)).toEqual([false, true, false]);
  expect(lstatSync(join(root, "etc/app.conf")).isFile()).toBe(true);
});

test("templates pass at submit whatever their type", () => {
  const faults = fileAction(createTestTransport()).validate(
    { path: "${{ params.p }}", content: "x", mode: "${{ params.m }}", sensitive: "${{ params.s }}" },
    { place: "with", names: [] },
  );
  expect(faults).toEqual([]);
});
