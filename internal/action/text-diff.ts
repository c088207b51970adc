// A unified diff for people: what is there against what is wanted. Bounded in time and size; binary content gives sizes only.
// 1. Never more than DIFF_LENGTH_MAX characters and about DIFF_EDITS_MAX² steps, whatever the texts.

import { assert } from "../base/assert.ts";
import { DIFF_EDITS_MAX, DIFF_INPUT_BYTES_MAX, DIFF_LENGTH_MAX } from "../base/limits.ts";

const CONTEXT_LINES = 3;

/** One side of a diff; `undefined`: nothing is there. */
export type DiffSide = Uint8Array | undefined;

/** The difference as people read it; empty when there is none. */
export function unifiedDiff(path: string, before: DiffSide, after: DiffSide): string {
  const [left, right] = [textOf(before), textOf(after)];
  if (left === undefined || right === undefined) return `binary or large content: ${sizeOf(before)} → ${sizeOf(after)}\n`;
  if (left === right && (before === undefined) === (after === undefined)) return "";
  const header = `--- ${before === undefined ? "/dev/null" : path}\n+++ ${after === undefined ? "/dev/null" : path}\n`;
  return bounded(header + hunks(editScript(splitLines(left), splitLines(right))));
}

/** Cuts a text to the bound of diffs, and says so. */
export function bounded(text: string): string {
  if (text.length <= DIFF_LENGTH_MAX) return text;
  const kept = text.slice(0, DIFF_LENGTH_MAX);
  return `${kept.slice(0, kept.lastIndexOf("\n") + 1)}[cut: the diff is longer than ${DIFF_LENGTH_MAX} characters]\n`;
}

interface Edit {
  readonly sign: " " | "-" | "+";
  readonly line: string;
}

function textOf(side: DiffSide): string | undefined {
  if (side === undefined) return "";
  if (side.length > DIFF_INPUT_BYTES_MAX || side.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(side);
  } catch {
    return undefined; // not UTF-8: binary
  }
}

function sizeOf(side: DiffSide): string {
  return side === undefined ? "absent" : `${side.length} bytes`;
}

/** Lines with their newline; a last line without one says so, as diff(1) does. */
function splitLines(text: string): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const last = lines.pop() ?? "";
  return last === "" ? lines.map((line) => `${line}\n`) : [...lines.map((line) => `${line}\n`), `${last}\n\\ No newline at end of file\n`];
}

function editScript(left: readonly string[], right: readonly string[]): readonly Edit[] {
  let head = 0;
  while (head < left.length && head < right.length && left[head] === right[head]) head++;
  let tail = 0;
  while (tail < left.length - head && tail < right.length - head && left.at(-1 - tail) === right.at(-1 - tail)) tail++;
  const middle = myers(left.slice(head, left.length - tail), right.slice(head, right.length - tail));
  const same = (line: string): Edit => ({ sign: " ", line });
  return [...left.slice(0, head).map(same), ...middle, ...left.slice(left.length - tail).map(same)];
}

/** Myers' greedy algorithm (1986); beyond DIFF_EDITS_MAX edits everything is replaced. */
function myers(left: readonly string[], right: readonly string[]): readonly Edit[] {
  const trace: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= Math.min(left.length + right.length, DIFF_EDITS_MAX); edits++) {
    trace.push(reach);
    const next = new Map(reach);
    for (let k = -edits; k <= edits; k += 2) {
      const isDown = k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = isDown ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < left.length && x - k < right.length && left[x] === right[x - k]) x++;
      next.set(k, x);
      if (x >= left.length && x - k >= right.length) return walkBack(trace, left, right);
    }
    reach = next;
  }
  return [...left.map((line): Edit => ({ sign: "-", line })), ...right.map((line): Edit => ({ sign: "+", line }))];
}

function walkBack(trace: readonly Map<number, number>[], left: readonly string[], right: readonly string[]): readonly Edit[] {
  const edits: Edit[] = [];
  let [x, y] = [left.length, right.length];
  for (let depth = trace.length - 1; depth >= 0; depth--) {
    const reach = trace[depth];
    assert(reach !== undefined, "each depth of a diff has its row");
    const k = x - y;
    const isDown = k === -depth || (k !== depth && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const fromK = isDown ? k + 1 : k - 1;
    const fromX = reach.get(fromK) ?? 0;
    const fromY = fromX - fromK;
    while (x > Math.max(fromX, 0) && y > Math.max(fromY, 0)) {
      edits.push({ sign: " ", line: left[--x] ?? "" });
      y--;
    }
    if (depth === 0) break;
    if (isDown) edits.push({ sign: "+", line: right[--y] ?? "" });
    else edits.push({ sign: "-", line: left[--x] ?? "" });
  }
  return edits.reverse();
}

/** Groups edits with their context into hunks with `@@` headers. */
function hunks(edits: readonly Edit[]): string {
  const parts: string[] = [];
  let [leftLine, rightLine, length] = [1, 1, 0];
  for (let index = 0; index < edits.length && length <= DIFF_LENGTH_MAX;) {
    const first = edits.findIndex((edit, at) => at >= index && edit.sign !== " ");
    if (first === -1) break;
    const start = Math.max(index, first - CONTEXT_LINES);
    leftLine += start - index;
    rightLine += start - index;
    const end = endOfHunk(edits, first);
    const hunk = edits.slice(start, end);
    const leftCount = hunk.filter((edit) => edit.sign !== "+").length;
    const rightCount = hunk.filter((edit) => edit.sign !== "-").length;
    const header = `@@ -${range(leftLine, leftCount)} +${range(rightLine, rightCount)} @@\n`;
    const text = header + hunk.map((edit) => edit.sign + edit.line).join("");
    parts.push(text);
    length += text.length;
    leftLine += leftCount;
    rightLine += rightCount;
    index = end;
  }
  return parts.join("");
}

function endOfHunk(edits: readonly Edit[], first: number): number {
  let end = first + 1;
  for (let at = first + 1; at < edits.length && at - end <= 2 * CONTEXT_LINES; at++) {
    if (edits[at]?.sign !== " ") end = at + 1;
  }
  return Math.min(edits.length, end + CONTEXT_LINES);
}

function range(line: number, count: number): string {
  return count === 1 ? String(line) : `${count === 0 ? line - 1 : line},${count}`;
}
