// `directory`: a directory with a wanted mode and owner, its missing parents made too; or none.
// 1. What is not empty is removed only with `recursive: true`, and never across a mount or a link.
// 2. Several steps, so not atomic; each step may be repeated.

import type { JsonObject } from "../base/json.ts";
import type { ApplyResult, AttemptContext, CheckResult, Failure, PreparedAction, Transport } from "../engine/ports.ts";
import { Effects } from "../gen/holdfast/v1/event_pb.ts";
import type { ArgSchema, ArgsOf } from "./arg-schema.ts";
import { defineAction, onlyWith } from "./definition.ts";
import type { DocumentedAction, RuleFault } from "./definition.ts";
import { lookAtHost, runAtHost } from "./host-run.ts";
import type { Exited, HostRequest } from "./host-run.ts";
import { SCRIPT_PROLOGUE } from "./host-script.ts";
import { attributeChanges, attributeChecksum, modeFault, ownerFault, readState, scriptFailure, wrongKind } from "./host-state.ts";
import type { HostState } from "./host-state.ts";
import { decodeText } from "./output.ts";
import { ownPathFault, placeOf } from "./target-path.ts";

const MODE_OF_NEW = "0755";
const ENTRIES_SHOWN_MAX = 20;

const CHECK_SCRIPT = `${SCRIPT_PROLOGUE}
if ! descend "$dir" ''; then
  echo absent
  exit 0
fi
kind=$(kind_of "./$name")
echo "$kind"
case $kind in
  file | directory) attributes "./$name" ;;
esac
if [ "$kind" = directory ] && [ "$1" = true ]; then
  ls -A -- "./$name" | head -n ${ENTRIES_SHOWN_MAX + 1}
fi
`;

const MAKE_SCRIPT = `${SCRIPT_PROLOGUE}
mode=$1 mode_of_new=$2 owner=$3 group=$4
make_parent() { mkdir -m 0755 -- "$1" 2>/dev/null || [ -d "$1" ] || mkdir -m 0755 -- "$1"; }
descend "$dir" make_parent
case $(kind_of "./$name") in
  directory) ;;
  absent)
    [ -n "$mode" ] || mode=$mode_of_new
    mkdir -m 0700 -- "./$name"
    ;;
  *) refuse 'where the directory is wanted there is something else, such as a file or a symbolic link' ;;
esac
own "./$name" "$owner" "$group"
if [ -n "$mode" ]; then
  case $mode in
    ????) ;;
    *) mode=0$mode ;;
  esac
  chmod -- "0$mode" "./$name"
fi
sync -- "./$name" . 2>/dev/null || sync
`;

const REMOVE_SCRIPT = `${SCRIPT_PROLOGUE}
descend "$dir" '' || exit 0
case $(kind_of "./$name") in
  absent) exit 0 ;;
  directory) ;;
  *) refuse 'where the directory is to be absent there is something else, such as a file or a symbolic link' ;;
esac
if [ "$1" = true ]; then
  rm -rf --one-file-system -- "./$name"
else
  rmdir -- "./$name"
fi
sync -- . 2>/dev/null || sync
`;

const SCHEMA = {
  path: {
    type: "string",
    required: true,
    refuse: ownPathFault,
    description: "The directory, from `/`; under a `local` root it lies inside the root.",
  },
  absent: { type: "bool", default: false, description: "True: there must be no such directory." },
  recursive: {
    type: "bool",
    default: false,
    description: "With `absent`: remove it with all that is in it. Otherwise one that is not empty is a failure.",
  },
  mode: {
    type: "string",
    refuse: modeFault,
    description: 'Octal mode in quotes, such as `"0750"`. Default: as it is; a new one gets `0755`, and so do missing parents.',
  },
  owner: { type: "string", refuse: ownerFault, description: "Name or number of the owner. Default: as it is." },
  group: { type: "string", refuse: ownerFault, description: "Name or number of the group. Default: as it is." },
} as const satisfies ArgSchema;

type DirectoryArgs = ArgsOf<typeof SCHEMA>;

/** The `directory` action. */
export function directoryAction(transport: Transport): DocumentedAction {
  return defineAction({
    uses: "directory",
    effects: Effects.IDEMPOTENT,
    schema: SCHEMA,
    rules,
    prepare: (args) => prepareDirectory(transport, args),
  });
}

function rules(raw: JsonObject): readonly RuleFault[] {
  const isAbsent = raw["absent"] === true;
  if (!isAbsent && typeof raw["absent"] !== "string") {
    return raw["recursive"] === true ? [{ argument: "recursive", reason: "has no meaning without `absent: true`" }] : [];
  }
  const isPresent = { holds: !isAbsent, reason: "has no meaning for a directory that is to be absent" };
  return ["mode", "owner", "group"].flatMap((name) => onlyWith(raw, name, isPresent));
}

function prepareDirectory(transport: Transport, args: DirectoryArgs): PreparedAction {
  return {
    effects: Effects.IDEMPOTENT,
    isAtomic: false,
    isSensitive: false,
    check: (context) => checkDirectory(transport, context, args),
    apply: async (context) => {
      const request = applyRequest(context, args);
      if ("kind" in request) return request;
      const result = await runAtHost(transport, context, { ...request, isReadOnly: false });
      return result.kind === "exited" ? applied(result, args) : result;
    },
    look: async (context) => {
      const found = await lookAtHost(transport, context);
      return found.kind === "exited" ? applied(found, args) : found;
    },
  };
}

async function checkDirectory(transport: Transport, context: AttemptContext, args: DirectoryArgs): Promise<CheckResult> {
  const request = scriptRequest(context, args, CHECK_SCRIPT, [String(args.absent)]);
  if ("kind" in request) return request;
  const result = await runAtHost(transport, context, { ...request, isReadOnly: true });
  if (result.kind !== "exited") return result;
  if (result.status !== 0) return scriptFailure(result, "looking at the directory failed");
  const state = readState(result.stdout);
  if (state === undefined)
    return {
      kind: "failed",
      message: "looking at the directory failed: the target's answer is not what the script prints; see its sh and coreutils",
    };
  return args.absent ? judgeAbsent(state, args) : judgePresent(state, args);
}

function judgeAbsent(state: HostState, args: DirectoryArgs): CheckResult {
  if (state.kind === "absent") return { kind: "converged", checksum: "absent", output: { path: args.path } };
  if (state.kind !== "directory") return wrongKind(state.kind, "directory");
  const entries = decodeText(state.rest)
    .split("\n")
    .filter((line) => line !== "");
  if (entries.length > 0 && !args.recursive) {
    return {
      kind: "failed",
      message: "the directory is not empty; say `recursive: true` to remove it with all that is in it",
      isRetryable: false,
    };
  }
  const shown = entries.slice(0, ENTRIES_SHOWN_MAX).map((entry) => `-  ${entry}\n`);
  const more = entries.length > ENTRIES_SHOWN_MAX ? "-  …\n" : "";
  return { kind: "different", checksum: "directory", diff: `remove the directory ${args.path}\n${shown.join("")}${more}` };
}

function judgePresent(state: HostState, args: DirectoryArgs): CheckResult {
  if (state.kind === "absent") {
    const changes = attributeChanges(undefined, { ...args, mode: args.mode ?? MODE_OF_NEW });
    return {
      kind: "different",
      checksum: "absent",
      diff: `make the directory ${args.path}\n${changes.map((line) => `${line}\n`).join("")}`,
    };
  }
  if (state.kind !== "directory" || state.attributes === undefined) return wrongKind(state.kind, "directory");
  const changes = attributeChanges(state.attributes, args);
  const checksum = `directory${attributeChecksum(state.attributes, args)}`;
  if (changes.length === 0) return { kind: "converged", checksum, output: { path: args.path } };
  return { kind: "different", checksum, diff: changes.map((line) => `${line}\n`).join("") };
}

function applied(exited: Exited, args: DirectoryArgs): ApplyResult {
  if (exited.status !== 0) return scriptFailure(exited, args.absent ? "removing the directory failed" : "making the directory failed");
  return { kind: "applied", output: { path: args.path }, exitStatus: 0 };
}

function applyRequest(context: AttemptContext, args: DirectoryArgs): Omit<HostRequest, "isReadOnly"> | Failure {
  if (args.absent) return scriptRequest(context, args, REMOVE_SCRIPT, [String(args.recursive)]);
  return scriptRequest(context, args, MAKE_SCRIPT, [args.mode ?? "", MODE_OF_NEW, args.owner ?? "", args.group ?? ""]);
}

function scriptRequest(
  context: AttemptContext,
  args: DirectoryArgs,
  script: string,
  rest: readonly string[],
): Omit<HostRequest, "isReadOnly"> | Failure {
  const place = placeOf(context.target, args.path);
  if ("kind" in place) return place;
  return { argv: ["sh", "-c", script, "holdfast", place.root, place.directory, place.name, ...rest] };
}
