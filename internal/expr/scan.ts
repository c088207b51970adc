// A scanner for what CEL text is made of at the coarsest: strings, comments and brackets. It lets templates find the end of
// a ${{ … }}, and bounds nesting before the recursive parser runs.
// 1. Linear in the text; inside a string or a comment a bracket means nothing.

/** A stretch of CEL text that matters to brackets; all other characters are passed over. */
export type ScanToken =
  | { readonly kind: "string" | "comment" | "unclosed"; readonly start: number; readonly end: number }
  | { readonly kind: "open"; readonly start: number; readonly end: number; readonly close: string }
  | { readonly kind: "close"; readonly start: number; readonly end: number };

const CLOSES: ReadonlyMap<string, string> = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);

/** Strings, comments and brackets of CEL text from an offset on, in order. */
export function* scanTokens(source: string, from: number): Generator<ScanToken, void> {
  let offset = from;
  while (offset < source.length) {
    const token = tokenAt(source, offset);
    if (token !== undefined) yield token;
    offset = token?.end ?? offset + 1;
  }
}

function tokenAt(source: string, start: number): ScanToken | undefined {
  const character = source[start] ?? "";
  const close = CLOSES.get(character);
  if (close !== undefined) return { kind: "open", start, end: start + 1, close };
  if (character === ")" || character === "]" || character === "}") return { kind: "close", start, end: start + 1 };
  if (character === "'" || character === '"') return stringAt(source, start, character);
  if (character !== "/" || source[start + 1] !== "/") return undefined;
  const end = source.slice(start).search(/[\r\n]/);
  return { kind: "comment", start, end: end === -1 ? source.length : start + end };
}

function stringAt(source: string, start: number, quote: string): ScanToken {
  const fence = source.startsWith(quote.repeat(3), start) ? quote.repeat(3) : quote;
  const isRaw = /(?:^|[^A-Za-z0-9_])(?:r|br|rb)$/i.test(source.slice(Math.max(0, start - 3), start));
  for (let offset = start + fence.length; offset < source.length; offset++) {
    if (source.startsWith(fence, offset)) return { kind: "string", start, end: offset + fence.length };
    if (source[offset] === "\\" && !isRaw) offset++;
    else if (fence.length === 1 && source[offset] === "\n") break;
  }
  return { kind: "unclosed", start, end: source.length };
}
