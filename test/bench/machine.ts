// The machine and the versions that figures are of.
// 1. The load of the machine when a row began is part of it: figures of a busy machine are said to be that.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";

/** Where and when, as it is shown. */
export interface Machine {
  /** `2026-11-21`, UTC. */
  readonly date: string;
  readonly cpu: string;
  readonly memory: string;
  readonly kernel: string;
  /** Of the last minute before the row began. */
  readonly load: string;
  readonly node: string;
  /** Packages that matter, with their versions. */
  readonly packages: string;
  /** Of the tree, with `+` where it was changed since; empty outside of a clone. */
  readonly commit: string;
}

const PROJECT = join(import.meta.dirname, "..", "..");
const PACKAGES = ["level", "classic-level", "@connectrpc/connect", "@bufbuild/protobuf"];

/** The machine that this runs on, now. */
export function thisMachine(): Machine {
  const all = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: `${all.length} × ${all[0]?.model.trim() ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `Linux ${release()}`,
    load: (loadavg()[0] ?? 0).toFixed(1),
    node: process.versions.node,
    packages: PACKAGES.map((name) => `${name} ${versionOf(name)}`).join(", "),
    commit: commit(),
  };
}

function versionOf(name: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(PROJECT, "node_modules", name, "package.json"), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown";
}

function commit(): string {
  const git = (...args: readonly string[]) => spawnSync("git", args, { cwd: PROJECT, encoding: "utf8" });
  const { status, stdout } = git("rev-parse", "--short", "HEAD");
  if (status !== 0) return "";
  const isChanged = git("status", "--porcelain", "--untracked-files=no").stdout !== "";
  return `${stdout.trim()}${isChanged ? "+" : ""}`;
}
