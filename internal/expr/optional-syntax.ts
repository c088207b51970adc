// The optional syntax `a.?b`, `a[?k]`, `[?x]`, `{?k: v}` and quoted fields, a.`b-c`, which the library's grammar lacks. Each is
// replaced by text of the same length that the grammar knows, and marked, so that every offset stays as the author wrote it.
// 1. Strings and comments are never touched. 2. A mark that no node of the tree takes is a syntax error.

import { scanTokens } from "./scan.ts";

/** Marks by offset: of the `.`, `[`, or the place right after `{` or `,`; and of the `?` itself for messages. */
export interface OptionalSyntax {
  /** The text for the library's parser, as long as the source. */
  readonly text: string;
  /** `.` of a.?b → `?`. */
  readonly selects: ReadonlyMap<number, number>;
  /** `[` → the positions of optional elements, and their `?`; an index is element 0. */
  readonly elements: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** The place right after `{` or `,` → `?`. */
  readonly entries: ReadonlyMap<number, number>;
  /** The stand-in of a quoted field → the field. */
  readonly quoted: ReadonlyMap<string, string>;
}

interface Bracket {
  readonly open: string;
  readonly offset: number;
  /** The offset after the last `{` or `,`. */
  itemStart: number;
  itemIndex: number;
}

interface Marks {
  readonly selects: Map<number, number>;
  readonly elements: Map<number, Map<number, number>>;
  readonly entries: Map<number, number>;
  readonly quoted: Map<string, string>;
}

const QUOTED_FIELD = /^`([A-Za-z0-9_.\-/ ]+)`/;

/** Finds the optional syntax of a source whose brackets are balanced and whose comments are blank. */
export function readOptionalSyntax(source: string): OptionalSyntax {
  const marks: Marks = { selects: new Map(), elements: new Map(), entries: new Map(), quoted: new Map() };
  if (!/[?`]/.test(source)) return { text: source, ...marks };
  const open: Bracket[] = [];
  let text = "";
  const plain = (from: number, to: number): void => {
    text += readPlain(marks, source, { from, to }, open.at(-1));
  };
  let done = 0;
  for (const token of scanTokens(source, 0)) {
    plain(done, token.start);
    text += source.slice(token.start, token.end);
    done = token.end;
    if (token.kind === "open") open.push({ open: source[token.start] ?? "", offset: token.start, itemStart: token.end, itemIndex: 0 });
    if (token.kind === "close") open.pop();
  }
  plain(done, source.length);
  return { text, ...marks };
}

/** The text between two tokens with its marks replaced. */
function readPlain(marks: Marks, source: string, range: { from: number; to: number }, bracket: Bracket | undefined): string {
  let text = "";
  for (let offset = range.from; offset < range.to; offset++) {
    const character = source[offset] ?? "";
    if (character === "," && bracket !== undefined) {
      bracket.itemStart = offset + 1;
      bracket.itemIndex++;
    }
    if (character === "`") {
      const stand = quotedField(marks, source, offset, range.to);
      text += stand;
      offset += Math.max(stand.length - 1, 0);
    } else text += character === "?" && takeMark(marks, source, offset, bracket) ? " " : character;
  }
  return text;
}

/** Marks what stands before the `?`; false for the `?` of a condition. */
function takeMark(marks: Marks, source: string, offset: number, bracket: Bracket | undefined): boolean {
  let before = offset - 1;
  while (before >= 0 && /\s/.test(source[before] ?? "")) before--;
  if (source[before] === ".") {
    marks.selects.set(before, offset);
    return true;
  }
  if (bracket === undefined || before + 1 !== bracket.itemStart) return false;
  if (bracket.open === "{") marks.entries.set(bracket.itemStart, offset);
  if (bracket.open === "[") {
    const elements = marks.elements.get(bracket.offset) ?? new Map<number, number>();
    marks.elements.set(bracket.offset, elements.set(bracket.itemIndex, offset));
  }
  return bracket.open !== "(";
}

/** A name of the same length that nobody writes: `__q0_____`. */
function quotedField(marks: Marks, source: string, offset: number, end: number): string {
  const found = QUOTED_FIELD.exec(source.slice(offset, end));
  const field = found?.[1];
  if (found === null || field === undefined) return "`";
  const number = marks.quoted.size.toString(36);
  const stand = `q${number}`.padEnd(found[0].length, "_");
  // A name of three characters holds 36 quoted fields; more of them, and so short, are left for the parser to refuse.
  if (stand.length > found[0].length || marks.quoted.has(stand) || source.includes(stand)) return "`";
  marks.quoted.set(stand, field);
  return stand;
}
