// What a script found at a place, parsed from its lines, and how that compares with the mode and the owner that are wanted.
// 1. Only what the arguments name is compared and enters the checksum: a foreign change of anything else is none of ours.

import { assert } from "../base/assert.ts";
import type { Failure } from "../engine/ports.ts";
import type { Exited } from "./host-run.ts";
import { REFUSED_STATUS } from "./host-script.ts";
import { decodeText, lastLine, tailOf } from "./output.ts";

/** What is at a place. */
export type HostKind = "absent" | "file" | "directory" | "link" | "other";

/** Mode and owner as stat(1) tells them. */
export interface Attributes {
  /** Octal, without leading zeros beyond the first digit: `644`, `1777`. */
  readonly mode: string;
  readonly uid: string;
  readonly gid: string;
  readonly owner: string;
  readonly group: string;
}

/** What the arguments want of mode and owner; undefined: as it is. */
export interface WantedAttributes {
  readonly mode: string | undefined;
  readonly owner: string | undefined;
  readonly group: string | undefined;
}

/** What a script printed: kind, and for what exists its attributes, its size, and what follows. */
export interface HostState {
  readonly kind: HostKind;
  readonly attributes: Attributes | undefined;
  readonly size: number;
  /** The lines after the attributes, in bytes. */
  readonly rest: Uint8Array;
}

const NEWLINE = 10;
const MODE = /^[0-7]{3,4}$/;
const OWNER = /^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$/;

/** Reads a script's answer. */
export function readState(stdout: Uint8Array): HostState | undefined {
  const { lines, rest } = takeLines(stdout, 1);
  const kind = kindOf(lines[0]);
  if (kind === undefined || kind === "absent" || kind === "link" || kind === "other") {
    return kind === undefined ? undefined : { kind, attributes: undefined, size: 0, rest };
  }
  const { lines: values, rest: content } = takeLines(rest, 6);
  const [mode, uid, gid, size, owner, group] = values;
  if (mode === undefined || uid === undefined || gid === undefined || owner === undefined || group === undefined) return undefined;
  return { kind, attributes: { mode: shortMode(mode), uid, gid, owner, group }, size: Number(size), rest: content };
}

/** The next `count` lines, and the bytes behind them. */
export function takeLines(bytes: Uint8Array, count: number): { readonly lines: readonly string[]; readonly rest: Uint8Array } {
  const lines: string[] = [];
  let start = 0;
  while (lines.length < count) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end === -1) break;
    lines.push(decodeText(bytes.subarray(start, end)));
    start = end + 1;
  }
  return { lines, rest: bytes.subarray(start) };
}

/** The attributes that are wanted and are not so, each as `mode 0644 → 0600`. */
export function attributeChanges(found: Attributes | undefined, wanted: WantedAttributes): readonly string[] {
  if (found === undefined) {
    return [
      ...(wanted.mode === undefined ? [] : [`mode ${longMode(wanted.mode)}`]),
      ...(wanted.owner === undefined ? [] : [`owner ${wanted.owner}`]),
      ...(wanted.group === undefined ? [] : [`group ${wanted.group}`]),
    ];
  }
  const { mode, owner, group } = wanted;
  return [
    ...(mode === undefined || shortMode(mode) === found.mode ? [] : [`mode ${longMode(found.mode)} → ${longMode(mode)}`]),
    ...(owner === undefined || owner === found.owner || owner === found.uid ? [] : [`owner ${found.owner} → ${owner}`]),
    ...(group === undefined || group === found.group || group === found.gid ? [] : [`group ${found.group} → ${group}`]),
  ];
}

/** The part of a checksum that tells the attributes which the arguments name. */
export function attributeChecksum(found: Attributes, wanted: WantedAttributes): string {
  return [
    ...(wanted.mode === undefined ? [] : [` mode=${longMode(found.mode)}`]),
    ...(wanted.owner === undefined ? [] : [` owner=${found.uid}`]),
    ...(wanted.group === undefined ? [] : [` group=${found.gid}`]),
  ].join("");
}

/** Why a text is no mode, or undefined. */
export function modeFault(text: string): string | undefined {
  return MODE.test(text) ? undefined : 'must be an octal mode in quotes, such as "0644"';
}

/** Why a text is no owner or group, or undefined. */
export function ownerFault(text: string): string | undefined {
  return OWNER.test(text) && text.length <= 256 ? undefined : "must be a name or a number";
}

/** A script that did not end with 0. */
export function scriptFailure(exited: Exited, what: string): Failure {
  assert(exited.status !== 0, "a script that ended well is no failure");
  const line = lastLine(exited.stderr);
  return {
    kind: "failed",
    message: line === "" ? `${what}: the script at the target ended with ${exited.status} and said nothing` : `${what}: ${line}`,
    isRetryable: exited.status !== REFUSED_STATUS,
    outputTail: tailOf(exited),
    exitStatus: exited.status,
  };
}

/** A place that holds what an action does not touch. */
export function wrongKind(found: HostKind, wanted: "file" | "directory"): Failure {
  const what =
    found === "link"
      ? "a symbolic link; name the place that it leads to, or remove it first"
      : found === "other"
        ? "a device, socket or pipe"
        : `a ${found}`;
  return { kind: "failed", message: `where the ${wanted} is wanted there is ${what}`, isRetryable: false };
}

function kindOf(line: string | undefined): HostKind | undefined {
  switch (line) {
    case "absent":
    case "file":
    case "directory":
    case "link":
    case "other":
      return line;
    default:
      return undefined;
  }
}

function shortMode(mode: string): string {
  return mode.replace(/^0(?=[0-7]{3})/, "").padStart(3, "0");
}

function longMode(mode: string): string {
  return mode.padStart(4, "0");
}
