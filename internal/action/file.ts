// `file`: a file with a wanted content, mode and owner, or none at all; at any target, through the Transport port alone.
// 1. Check is one round trip that changes nothing. Apply is one, and atomic: after any crash the old file or the new one is there.
// 2. A path never leaves the root of its target, by `..` or by links.
// 3. What is sensitive appears in no diff.

import { Buffer } from "node:buffer";
import { sha256Hex } from "../base/digest.ts";
import { DIFF_INPUT_BYTES_MAX, FILE_BYTES_MAX } from "../base/limits.ts";
import type { JsonObject } from "../base/json.ts";
import type { ApplyResult, AttemptContext, CheckResult, Failure, PreparedAction, Transport } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { ArgSchema, ArgsOf } from "./arg-schema.ts";
import { refuseFaults } from "./arg-schema.ts";
import { defineAction, exactlyOne, onlyWith } from "./definition.ts";
import type { DocumentedAction, RuleFault } from "./definition.ts";
import { FILE_CHECK_SCRIPT, FILE_REMOVE_SCRIPT, FILE_WRITE_SCRIPT } from "./file-scripts.ts";
import { lookAtHost, runAtHost } from "./host-run.ts";
import type { Exited, HostRequest } from "./host-run.ts";
import {
  attributeChanges,
  attributeChecksum,
  modeFault,
  ownerFault,
  readState,
  scriptFailure,
  takeLines,
  wrongKind,
} from "./host-state.ts";
import type { HostState } from "./host-state.ts";
import { ownPathFault, placeOf } from "./target-path.ts";
import { bounded, unifiedDiff } from "./text-diff.ts";

const MODE_OF_NEW = "0644";
const MODE_OF_NEW_SENSITIVE = "0600";
const ABSENT = "absent";

const SCHEMA = {
  path: {
    type: "string",
    required: true,
    refuse: ownPathFault,
    description: "The file, from `/`; under a `local` root it lies inside the root.",
  },
  content: { type: "string", max: FILE_BYTES_MAX, description: "The wanted content, as text; `${{ }}` in it is rendered." },
  content_base64: {
    type: "string",
    max: 2 * FILE_BYTES_MAX,
    refuse: base64Fault,
    description: "The wanted content in base64: for binary content, and for what must not be rendered.",
  },
  source: {
    type: "string",
    description:
      "A file on the client, relative to the workflow file. The client puts its content in place of this argument before it submits.",
  },
  template: { type: "bool", default: false, description: "With `source`: render `${{ }}` in it. Otherwise it is copied byte for byte." },
  absent: { type: "bool", default: false, description: "True: there must be no such file." },
  mode: {
    type: "string",
    refuse: modeFault,
    description: 'Octal mode in quotes, such as `"0644"`. Default: as it is; a new file gets `0644`, a sensitive one `0600`.',
  },
  owner: {
    type: "string",
    refuse: ownerFault,
    description: "Name or number of the owner. Default: as it is; a new file belongs to who writes it.",
  },
  group: { type: "string", refuse: ownerFault, description: "Name or number of the group. Default: as it is." },
  sensitive: { type: "bool", default: false, description: "True: no diff is shown." },
} as const satisfies ArgSchema;

type FileArgs = ArgsOf<typeof SCHEMA>;

/** The `file` action. */
export function fileAction(transport: Transport): DocumentedAction {
  return defineAction({
    uses: "file",
    effects: Effects.IDEMPOTENT,
    schema: SCHEMA,
    rules,
    prepare: (args) => prepareFile(transport, args),
  });
}

function rules(raw: JsonObject): readonly RuleFault[] {
  if (Object.hasOwn(raw, "source")) {
    return [
      {
        argument: "source",
        reason:
          "clients inline `source` as `content` or `content_base64` before they submit; submit with the holdfast client, or send the content",
      },
    ];
  }
  const isAbsent = raw["absent"] === true;
  const isPresent = { holds: !isAbsent, reason: "has no meaning for a file that is to be absent" };
  if (!isAbsent) return exactlyOne(withoutFalse(raw), ["content", "content_base64", "absent"]);
  return ["content", "content_base64", "mode", "owner", "group"].flatMap((name) => onlyWith(raw, name, isPresent));
}

function withoutFalse(raw: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== false));
}

function base64Fault(text: string): string | undefined {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? undefined : "must be base64 (RFC 4648, section 4, with padding)";
}

/** The wanted file; undefined content: none. */
interface Wanted {
  readonly args: FileArgs;
  readonly content: Uint8Array | undefined;
  /** SHA-256 of the content, or `absent`. */
  readonly sha: string;
}

function prepareFile(transport: Transport, args: FileArgs): PreparedAction {
  const content = args.absent
    ? undefined
    : Buffer.from(args.content ?? args.content_base64 ?? "", args.content === undefined ? "base64" : "utf8");
  if (content !== undefined && content.length > FILE_BYTES_MAX) {
    refuseFaults([{ place: "content", reason: `must be at most ${FILE_BYTES_MAX} bytes, found ${content.length}` }]);
  }
  const wanted: Wanted = { args, content, sha: content === undefined ? ABSENT : sha256Hex(content) };
  return {
    effects: Effects.IDEMPOTENT,
    isAtomic: true,
    isSensitive: args.sensitive,
    check: (context) => checkFile(transport, context, wanted),
    apply: (context, before) => applyFile(transport, context, wanted, before),
    look: async (context) => {
      const found = await lookAtHost(transport, context);
      return found.kind === "exited" ? applied(found, wanted, undefined) : found;
    },
  };
}

async function checkFile(transport: Transport, context: AttemptContext, wanted: Wanted): Promise<CheckResult> {
  const { args, sha } = wanted;
  const request = scriptRequest(context, args.path, FILE_CHECK_SCRIPT, [sha, String(args.sensitive ? 0 : DIFF_INPUT_BYTES_MAX + 1)]);
  if ("kind" in request) return request;
  const result = await runAtHost(transport, context, { ...request, isReadOnly: true });
  if (result.kind !== "exited") return result;
  if (result.status !== 0) return scriptFailure(result, "looking at the file failed");
  const state = readState(result.stdout);
  if (state === undefined)
    return {
      kind: "failed",
      message: "looking at the file failed: the target's answer is not what the script prints; see its sh and coreutils",
    };
  return judge(state, wanted);
}

function judge(state: HostState, wanted: Wanted): CheckResult {
  const { args, sha } = wanted;
  if (state.kind === "absent") return absentIs(wanted);
  if (state.kind === "link" && args.absent) return { kind: "different", checksum: "link", diff: "remove the symbolic link\n" };
  if (state.kind !== "file" || state.attributes === undefined) return wrongKind(state.kind, "file");
  const { lines, rest } = takeLines(state.rest, 1);
  const foundSha = lines[0] ?? "";
  const checksum = foundSha + attributeChecksum(state.attributes, args);
  const changes = args.absent ? [] : attributeChanges(state.attributes, args);
  if (foundSha === sha && changes.length === 0) return { kind: "converged", checksum, output: outputOf(wanted, foundSha) };
  return { kind: "different", checksum, diff: diffOf(wanted, changes, foundSha === sha ? undefined : { content: rest, size: state.size }) };
}

function absentIs(wanted: Wanted): CheckResult {
  const { args, content } = wanted;
  if (content === undefined) return { kind: "converged", checksum: ABSENT, output: outputOf(wanted, ABSENT) };
  const mode = args.mode ?? (args.sensitive ? MODE_OF_NEW_SENSITIVE : MODE_OF_NEW);
  const attributes = attributeChanges(undefined, { ...args, mode });
  const diff = args.sensitive ? "new sensitive file\n" : unifiedDiff(args.path, undefined, content);
  return { kind: "different", checksum: ABSENT, diff: bounded(`${attributes.join("\n")}\n${diff}`) };
}

function diffOf(
  wanted: Wanted,
  changes: readonly string[],
  found: { readonly content: Uint8Array; readonly size: number } | undefined,
): string {
  const { args, content } = wanted;
  const head = changes.map((line) => `${line}\n`).join("");
  if (found === undefined) return head;
  if (args.sensitive) return `${head}${content === undefined ? "remove" : "new content for"} the sensitive file\n`;
  if (found.size > DIFF_INPUT_BYTES_MAX)
    return `${head}large content: ${found.size} bytes → ${content === undefined ? ABSENT : `${content.length} bytes`}\n`;
  return bounded(head + unifiedDiff(args.path, found.content, content));
}

async function applyFile(transport: Transport, context: AttemptContext, wanted: Wanted, before: string): Promise<ApplyResult> {
  const { args, content, sha } = wanted;
  const modeOfNew = args.sensitive ? MODE_OF_NEW_SENSITIVE : MODE_OF_NEW;
  const tail = [sha256Hex(context.taskKey).slice(0, 24), sha, args.mode ?? "", modeOfNew, args.owner ?? "", args.group ?? ""];
  const request =
    content === undefined
      ? scriptRequest(context, args.path, FILE_REMOVE_SCRIPT, [])
      : scriptRequest(context, args.path, FILE_WRITE_SCRIPT, tail);
  if ("kind" in request) return request;
  const result = await runAtHost(transport, context, {
    ...request,
    ...(content === undefined ? {} : { stdin: content }),
    isReadOnly: false,
  });
  return result.kind === "exited" ? applied(result, wanted, before) : result;
}

function applied(exited: Exited, wanted: Wanted, before: string | undefined): ApplyResult {
  if (exited.status !== 0) return scriptFailure(exited, wanted.args.absent ? "removing the file failed" : "writing the file failed");
  return { kind: "applied", output: outputOf(wanted, before?.split(" ")[0]), exitStatus: 0 };
}

/** Checksums before and after; null where there is no file; `before` is left out where a look after a crash cannot tell it. */
function outputOf(wanted: Wanted, before: string | undefined): { [key: string]: string | null } {
  const shown = (sha: string): string | null => (/^[0-9a-f]{64}$/.test(sha) ? sha : null);
  return { path: wanted.args.path, ...(before === undefined ? {} : { sha256_before: shown(before) }), sha256_after: shown(wanted.sha) };
}

function scriptRequest(
  context: AttemptContext,
  path: string,
  script: string,
  args: readonly string[],
): Omit<HostRequest, "isReadOnly"> | Failure {
  const place = placeOf(context.target, path);
  if ("kind" in place) return place;
  return { argv: ["sh", "-c", script, "holdfast", place.root, place.directory, place.name, ...args] };
}
