// Text from elsewhere, made safe for a terminal: what a host printed must not move the cursor, set a title or hide other text.
// 1. No control character but the line breaks that the caller allows, and none that reorders text, gets through.

// C0, DEL, C1, line and paragraph separators, and the characters that change the direction of text.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** One line: everything unsafe is shown escaped. */
export function plain(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** Several lines, each safe; tabs become blanks. */
export function plainLines(text: string): readonly string[] {
  return text
    .replace(/\r?\n$/, "")
    .split(/\r?\n/)
    .map((line) => plain(line.replaceAll("\t", "    ")));
}

/** JSON text in which the unsafe characters that JSON allows are escaped too. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (character) => `\\u${hex(character, 4)}`);
}

/** Cut to a number of columns, with an ellipsis. */
export function cut(text: string, columnsMax: number): string {
  if (columnsMax <= 0) return "";
  return text.length <= columnsMax ? text : `${text.slice(0, Math.max(0, columnsMax - 1))}…`;
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  if (character === "\r") return "\\r";
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}
