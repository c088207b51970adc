// One `--inventory` argument: what kind of source it is, whether it has changed, and how its content is parsed.
// 1. Plain files are read in one go between two looks at them, so that a version is never half of two.
// 2. A program is run with `--list`, with a bound on time and output; it is run again at intervals, for its answer may change while it does not.

import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, resolve } from "node:path";
import { HoldfastError } from "../base/errors.ts";
import { fileStamp } from "../base/file-stamp.ts";
import { isJsonObject } from "../base/json.ts";
import type { JsonValue } from "../base/json.ts";
import { INVENTORY_BYTES_MAX, INVENTORY_RUN_MS_MAX } from "../base/limits.ts";
import { placeName } from "../base/place.ts";
import { readYaml } from "../base/yaml.ts";
import type { YamlFile } from "../base/yaml.ts";
import { parseAnsible } from "./ansible.ts";
import { readLargeYaml } from "./large-yaml.ts";
import { parseOwnFile } from "./own-file.ts";
import { parsePlainList } from "./plain-list.ts";
import type { PlaceOf, Reading } from "./reading.ts";

/** The kinds of sources; `program` is an executable file. */
export type SourceKind = "yaml" | "json" | "list" | "program";

/** A source as it was found. */
export interface Source {
  readonly file: string;
  readonly path: string;
  readonly home: string;
}

const READS_MAX = 3;

/** A source of that name; relative ones count from `base`. */
export function sourceOf(file: string, { base, home }: { readonly base: string; readonly home: string }): Source {
  return { file, path: resolve(base, file), home };
}

/** What changes whenever the file does; undefined when it is not there. */
export function stampOf({ path }: Source): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : fileStamp(stat);
}

/** By the name's end, else by whether it may be executed. Throws FAILED_PRECONDITION when it is not a readable file. */
export function kindOf(source: Source): SourceKind {
  const stat = statSync(source.path, { throwIfNoEntry: false });
  if (stat === undefined) throw notReadable(source, "no such file");
  if (!stat.isFile()) throw notReadable(source, "not a file");
  const end = extname(basename(source.path)).toLowerCase();
  if (end === ".yaml" || end === ".yml") return "yaml";
  if (end === ".json") return "json";
  if (end === ".txt") return "list";
  return (stat.mode & 0o111) === 0 ? "list" : "program";
}

/** Reads a source that is not a program; faults of its content are in the reading. */
export function readSource(source: Source, kind: Exclude<SourceKind, "program">): Reading & { readonly stamp: string | undefined } {
  for (let reads = 1; ; reads++) {
    const stamp = stampOf(source);
    const text = readText(source);
    if (stamp !== stampOf(source)) {
      if (reads < READS_MAX) continue;
      throw notReadable(source, "it changes while it is read; write inventories to a new file and rename it");
    }
    return { ...parseContent(text, kind, source), stamp };
  }
}

/** Runs a program with `--list`; rejects with FAILED_PRECONDITION when it fails, takes too long or says too much. */
export async function runSource(source: Source): Promise<Reading & { readonly stamp: string | undefined }> {
  const stamp = stampOf(source);
  const text = await new Promise<string>((settle, reject) => {
    const options = {
      cwd: dirname(source.path),
      timeout: INVENTORY_RUN_MS_MAX,
      maxBuffer: INVENTORY_BYTES_MAX,
      killSignal: "SIGKILL" as const,
    };
    execFile(source.path, ["--list"], { ...options, encoding: "utf8" }, (error, stdout, stderr) => {
      if (error === null) settle(stdout);
      else reject(notReadable(source, programFault(error, stderr)));
    });
  });
  return { ...parseContent(text, "json", source), stamp };
}

function programFault(error: Error & { code?: unknown; killed?: boolean; signal?: unknown }, stderr: string): string {
  if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return `answered with more than ${INVENTORY_BYTES_MAX} bytes`;
  if (error.killed === true) return `took longer than ${INVENTORY_RUN_MS_MAX / 1_000} s to answer to --list`;
  if (error.code === "EACCES" || error.code === "ENOEXEC")
    return "cannot be executed; does it begin with #! and an interpreter that is there?";
  const how = typeof error.code === "number" ? `ended with status ${error.code}` : `could not run (${String(error.code ?? error.signal)})`;
  const said = stderr.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
  return `--list ${how}${said === "" ? "" : `: ${said}`}`;
}

function readText(source: Source): string {
  try {
    const { size } = statSync(source.path);
    if (size > INVENTORY_BYTES_MAX) throw notReadable(source, `larger than ${INVENTORY_BYTES_MAX} bytes`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(source.path));
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    if (cause instanceof TypeError) throw notReadable(source, "not UTF-8 text");
    throw notReadable(source, cause instanceof Error && "code" in cause ? String(cause.code) : "cannot be read");
  }
}

function parseContent(text: string, kind: Exclude<SourceKind, "program">, source: Source): Reading {
  const { file, home } = source;
  if (kind === "list") return parsePlainList(text, file);
  const context = { base: dirname(source.path), home };
  try {
    if (kind === "yaml") {
      const large = readLargeYaml(text, { file, bytesMax: INVENTORY_BYTES_MAX });
      if (large !== undefined) return parseOwnFile(large, { ...context, place: lazyPlaces(text, file) });
      const yaml = readYaml(text, { file, bytesMax: INVENTORY_BYTES_MAX });
      return parseOwnFile(yaml.value, { ...context, place: (path) => placeName(file, path === "" ? undefined : placed(yaml, path)) });
    }
    const value = parseJson(text, file);
    const parse = isJsonObject(value) && Array.isArray(value["targets"]) ? parseOwnFile : parseAnsible;
    return parse(value, { ...context, place: lazyPlaces(text, file) });
  } catch (cause) {
    if (cause instanceof HoldfastError) return { targets: [], faults: faultsOf(cause, file), warnings: [] };
    throw cause;
  }
}

/** JSON.parse is far faster on a large fleet; only what it refuses is read by the reader that knows places. */
function parseJson(text: string, file: string): JsonValue {
  try {
    const value: unknown = JSON.parse(text);
    return value as JsonValue;
  } catch {
    return readYaml(text, { file, bytesMax: INVENTORY_BYTES_MAX }).value;
  }
}

function lazyPlaces(text: string, file: string): PlaceOf {
  let yaml: YamlFile | undefined;
  let isReadable = true;
  return (path) => {
    if (path === "" || !isReadable) return file;
    try {
      yaml ??= readYaml(text, { file, bytesMax: INVENTORY_BYTES_MAX });
    } catch {
      isReadable = false; // JSON that the stricter reader refuses, such as a key that stands twice: the path must do
      return `${file}: ${path}`;
    }
    return `${placeName(file, placed(yaml, path))}: ${path}`;
  };
}

/** The key of what is wrong, where there is one: that is where a person looks. */
function placed(yaml: YamlFile, path: string) {
  return yaml.at(path) ?? yaml.near(path);
}

function faultsOf(error: HoldfastError, file: string) {
  return error.details.length > 0 ? error.details : [{ place: file, reason: error.message }];
}

function notReadable({ file }: Source, found: string): HoldfastError {
  const details = [{ place: file, reason: found }];
  return new HoldfastError("FAILED_PRECONDITION", `inventory ${file}: ${found}`, { details });
}
