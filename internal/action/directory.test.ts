import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { aLocalTarget, anAttempt } from "../../test/fakes/attempt-context.ts";
import { createRealTransport } from "../../test/fakes/real-transport.ts";
import { directoryAction } from "./directory.ts";

function aRoot(): string {
  const base = mkdtempSync(join(tmpdir(), "holdfast-directory-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  mkdirSync(join(base, "root"));
  return join(base, "root");
}

async function run(root: string, args: JsonObject): Promise<readonly { readonly kind: string }[]> {
  const prepared = directoryAction(createRealTransport()).parse(args);
  const context = anAttempt({ target: aLocalTarget(root) });
  return [await prepared.check(context), await prepared.apply(context, ""), await prepared.check(context)];
}

test("missing parents are made with a mode that lets others pass, the directory with its own", async () => {
  const root = aRoot();
  const [found, , after] = await run(root, { path: "/srv/app/data", mode: "1770" });
  expect(found).toMatchObject({ kind: "different", diff: "make the directory /srv/app/data\nmode 1770\n" });
  expect(after).toMatchObject({ kind: "converged", checksum: "directory mode=1770" });
  expect(statSync(join(root, "srv/app")).mode & 0o7777).toBe(0o755);
  expect(statSync(join(root, "srv/app/data")).mode & 0o7777).toBe(0o1770);
});

test("a directory that has the wanted mode already is left alone, also with its set-group bit", async () => {
  const root = aRoot();
  expect((await run(root, { path: "/x", mode: "2755" }))[2]).toMatchObject({ kind: "converged" });
  const [found, , after] = await run(root, { path: "/x", mode: "0755" });
  expect(found).toMatchObject({ kind: "different", diff: "mode 2755 → 0755\n" });
  expect(after).toMatchObject({ kind: "converged" });
});

test("a directory that is not empty is removed only when asked, and links in it are not followed", async () => {
  const root = aRoot();
  mkdirSync(join(root, "../outside"));
  writeFileSync(join(root, "../outside/kept"), "");
  mkdirSync(join(root, "x"));
  symlinkSync("../../outside", join(root, "x/away"));
  const [refused, failed] = await run(root, { path: "/x", absent: true });
  expect(refused).toMatchObject({ kind: "failed", message: expect.stringContaining("recursive: true"), isRetryable: false });
  expect(failed).toMatchObject({ kind: "failed" });
  const [found, , after] = await run(root, { path: "/x", absent: true, recursive: true });
  expect(found).toMatchObject({ kind: "different", diff: "remove the directory /x\n-  away\n" });
  expect(after).toMatchObject({ kind: "converged" });
  expect(existsSync(join(root, "../outside/kept"))).toBe(true);
});

test("no directory is made through a link that leaves the root", async () => {
  const root = aRoot();
  mkdirSync(join(root, "../outside"));
  symlinkSync("../outside", join(root, "away"));
  const [found, applied] = await run(root, { path: "/away/new/deep" });
  expect(found).toMatchObject({ kind: "failed", isRetryable: false });
  expect(applied).toMatchObject({ kind: "failed", isRetryable: false });
  expect(existsSync(join(root, "../outside/new"))).toBe(false);
});

test("a file where the directory is wanted is refused", async () => {
  const root = aRoot();
  writeFileSync(join(root, "x"), "");
  expect(await run(root, { path: "/x" })).toMatchObject([{ kind: "failed" }, { kind: "failed" }, { kind: "failed" }]);
  expect(await run(root, { path: "/x/y" })).toMatchObject([{ kind: "failed", isRetryable: false }, { kind: "failed" }, { kind: "failed" }]);
});
