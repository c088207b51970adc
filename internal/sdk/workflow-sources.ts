// `source:` of the `file` action: the client reads the file and puts its content into the definition, where the digest covers it.
// 1. With `template: true` it becomes `content` (text), else `content_base64` (any bytes); `source` itself never reaches the service.

import { isJsonObject } from "../base/json.ts";
import { SOURCE_BYTES_MAX } from "../base/limits.ts";
import { columnsOf, stagesOf } from "../expr/workflow-parts.ts";
import type { WorkflowDefinition } from "../gen/holdfast/v1/workflow_pb.ts";
import type { FileFaults } from "./file-cursor.ts";

interface SourceOptions {
  readonly faults: FileFaults;
  readonly readSource: (path: string) => Promise<Uint8Array | undefined>;
}

/** Puts the content of every source into its action's arguments, in place. */
export async function inlineSources(definition: WorkflowDefinition, options: SourceOptions): Promise<void> {
  for (const { stage, place: stagePlace } of stagesOf(definition)) {
    for (const { way, wayPlace } of columnsOf(stage)) {
      if (way.uses !== "file" || !isJsonObject(way.with) || !Object.hasOwn(way.with, "source")) continue;
      const { source, ...rest } = way.with;
      const path = `${stagePlace}.${wayPlace}.with.source`;
      const content = await inlined({ source, rest, path }, options);
      if (content !== undefined) way.with = { ...rest, ...content };
    }
  }
}

interface Source {
  readonly source: unknown;
  readonly rest: { readonly [key: string]: unknown };
  readonly path: string;
}

async function inlined(
  { source, rest, path }: Source,
  { faults, readSource }: SourceOptions,
): Promise<{ [key: string]: string } | undefined> {
  const refuse = (reason: string) => {
    faults.add(path, reason);
    return undefined;
  };
  if (typeof source !== "string" || source === "") return refuse("must be the path of a file, relative to the workflow file");
  if (source.includes("${{")) return refuse("must be a plain path: the client reads it before anything is evaluated");
  if ("content" in rest || "content_base64" in rest) return refuse("cannot be together with content or content_base64; write one of them");
  const bytes = await readSource(source).catch((cause: unknown) => unreadable(cause));
  if (typeof bytes === "string") return refuse(`it cannot be read (${bytes})`);
  if (bytes === undefined) return refuse("there is no such file (paths are relative to the workflow file)");
  if (bytes.length > SOURCE_BYTES_MAX) return refuse(`the file is larger than ${SOURCE_BYTES_MAX} bytes`);
  if (rest["template"] !== true) return { content_base64: Buffer.from(bytes).toString("base64") };
  try {
    return { content: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return refuse("a template must be UTF-8 text, and the file is not");
  }
}

/** What the operating system said; anything else is a bug and goes on. */
function unreadable(cause: unknown): string {
  if (cause instanceof Error && "code" in cause && "syscall" in cause) return String(cause.code);
  throw cause;
}
