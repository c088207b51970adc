// Parses what strace wrote of a process and its threads (`-f -y -xx`): who wrote which bytes where, what was synced, named, and sent, in order.
// 1. A call has two moments: its beginning and its end are numbers of lines. Strace stops a thread at both, so their order is the true one.
// 2. A text that strace cut short is an error: the replay would not know what was written.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What one call did. Paths are absolute. */
export type Deed =
  | {
      readonly kind: "open";
      readonly path: string;
      readonly fd: number;
      readonly isMade: boolean;
      readonly isCut: boolean;
      readonly isAppend: boolean;
    }
  | { readonly kind: "write"; readonly path: string; readonly fd: number; readonly at: number | undefined; readonly bytes: Buffer }
  | { readonly kind: "cut"; readonly path: string; readonly length: number }
  | { readonly kind: "sync"; readonly path: string }
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | { readonly kind: "link"; readonly path: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "send"; readonly socket: string; readonly bytes: Buffer };

/** A call that succeeded. */
export interface Step {
  readonly begin: number;
  readonly end: number;
  readonly deed: Deed;
}

/** A trace: its calls in the order of their ends, and how many lines it has. */
export interface Trace {
  readonly steps: readonly Step[];
  readonly length: number;
}

/** The calls that change a disk or send something: what strace is told to show. */
export const TRACED =
  "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync,sync_file_range,ftruncate,truncate,fallocate," +
  "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,copy_file_range,sendfile,sendto,sendmsg";

const LINE = /^(\d+) +/;
const UNFINISHED = " <unfinished ...>";
const RESUMED = /^<\.\.\. (\w+) resumed>/;
const CALL = /^(\w+)\(([^]*)\) += (-?\d+)(?:<([^>]*)>)?(?: |$)/;
const TEXT = /"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g;
const FD = /^(AT_FDCWD|\d+)<([^>]*)>/;

/** Reads traces that follow one another, of the lives of one service, as one. */
export function readTraces(files: readonly string[]): Trace {
  const steps: Step[] = [];
  let length = 0;
  for (const file of files) {
    const lines = readFileSync(file, "latin1").split("\n");
    const open = new Map<string, { readonly text: string; readonly begin: number }>();
    for (const [index, line] of lines.entries()) {
      const pid = LINE.exec(line)?.[1];
      if (pid === undefined) continue;
      const at = length + index;
      const text = line.replace(LINE, "");
      if (text.endsWith(UNFINISHED)) {
        open.set(pid, { text: text.slice(0, -UNFINISHED.length), begin: at });
        continue;
      }
      const before = RESUMED.test(text) ? open.get(pid) : undefined;
      const deed = deedOf(before === undefined ? text : before.text + text.replace(RESUMED, ""));
      if (deed !== undefined) steps.push({ begin: before?.begin ?? at, end: at, deed });
    }
    length += lines.length;
  }
  return { steps, length };
}

/** Undefined: it failed, or changes nothing that is looked at. */
function deedOf(text: string): Deed | undefined {
  const call = CALL.exec(text);
  if (call === null) return undefined;
  const [, name = "", args = "", result = "", made = ""] = call;
  if (Number(result) < 0) return undefined;
  switch (name) {
    case "open":
    case "openat":
    case "creat":
      return opened(args, { fd: Number(result), path: unhex(made) });
    case "write":
    case "writev":
    case "sendto":
    case "sendmsg":
    case "pwrite64":
    case "pwritev":
      return written(name, args, Number(result));
    case "fsync":
    case "fdatasync":
      return { kind: "sync", path: fdPath(args) };
    case "ftruncate":
      return { kind: "cut", path: fdPath(args), length: Number(args.slice(args.lastIndexOf(",") + 1)) };
    case "mkdir":
    case "mkdirat":
      return { kind: "directory", path: paths(args)[0] ?? "" };
    case "rename":
    case "renameat":
    case "renameat2":
    case "link":
    case "linkat": {
      const [path = "", to = ""] = paths(args);
      return { kind: name.startsWith("rename") ? "rename" : "link", path, to };
    }
    case "unlink":
    case "unlinkat":
    case "rmdir":
      return { kind: "remove", path: paths(args)[0] ?? "" };
    default:
      return undefined; // what writes in yet another way shows in the comparison with the real directory
  }
}

function opened(args: string, made: { readonly fd: number; readonly path: string }): Deed {
  const has = (flag: string): boolean => args.includes(flag);
  return { kind: "open", ...made, isMade: has("O_CREAT"), isCut: has("O_TRUNC"), isAppend: has("O_APPEND") };
}

function written(name: string, args: string, count: number): Deed | undefined {
  const [, fd = "", hex = ""] = FD.exec(args) ?? [];
  const path = unhex(hex);
  const isSocket = path.startsWith("socket:") || path.startsWith("TCP");
  if (!isSocket && !path.startsWith("/")) return undefined;
  const bytes = Buffer.concat(texts(args)).subarray(0, count);
  if (bytes.length !== count) throw new Error(`strace does not show all ${count} bytes that went to ${path}`);
  if (isSocket) return { kind: "send", socket: path, bytes };
  const at = name.startsWith("p") ? Number(/, (\d+)$/.exec(args)?.[1]) : undefined;
  return { kind: "write", path, fd: Number(fd), at, bytes };
}

const fdPath = (args: string): string => unhex(FD.exec(args)?.[2] ?? "");

/** The paths among the arguments, each made absolute by the directory before it. */
function paths(args: string): readonly string[] {
  const found: string[] = [];
  let base = "/";
  for (const [, , directory, text] of args.matchAll(/(AT_FDCWD|\d+)<([^>]*)>|"((?:\\x[0-9a-f]{2})*)"/g)) {
    if (directory !== undefined) base = unhex(directory);
    if (text === undefined) continue;
    const path = unhex(text);
    found.push(path.startsWith("/") ? path : join(base, path));
  }
  return found;
}

function texts(args: string): readonly Buffer[] {
  return [...args.matchAll(TEXT)].map(([, hex = "", more]) => {
    if (more !== undefined) throw new Error("strace cut a text short; give it a larger -s");
    return Buffer.from(hex.replaceAll("\\x", ""), "hex");
  });
}

function unhex(text: string): string {
  return Buffer.from(text.replaceAll("\\x", ""), "hex").toString();
}
