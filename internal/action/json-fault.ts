// Where a text stops being JSON: the offset of the first token that cannot stand there. V8 tells it for some texts only, and quotes
// the text around it, which may hold a value.
// 1. Linear in the text; a stack of brackets instead of recursion.

type Expected = "value" | "value or ]" | "key" | "key or }" | "colon" | "comma or end";

// prettier-ignore
// oxlint-disable-next-line no-control-regex -- JSON strings hold no control characters
const TOKEN = /[\t\n\r ]*(?:("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w))|([[\]{},:]))/y;

/** The offset of the first fault of a text that is no JSON; its length when the text ends too early. */
export function jsonFaultOffset(text: string): number {
  const open: ("{" | "[")[] = [];
  let expected: Expected = "value";
  let offset = 0;
  for (;;) {
    TOKEN.lastIndex = offset;
    const match = TOKEN.exec(text);
    if (match === null) break;
    const [token, string, scalar, mark = ""] = match;
    const kind = string === undefined ? (scalar === undefined ? mark : "scalar") : "string";
    const next = step(expected, kind, open);
    if (next === undefined) break;
    expected = next;
    offset += token.length;
  }
  return offset + (/^[\t\n\r ]*/.exec(text.slice(offset))?.[0].length ?? 0);
}

/** What may follow a token, or undefined when it cannot stand here. Keeps the stack of open brackets. */
function step(expected: Expected, kind: string, open: ("{" | "[")[]): Expected | undefined {
  const isValueExpected = expected === "value" || expected === "value or ]";
  if (kind === "string" && (expected === "key" || expected === "key or }")) return "colon";
  if (kind === "string" || kind === "scalar") return isValueExpected ? "comma or end" : undefined;
  if (kind === ":") return expected === "colon" ? "value" : undefined;
  if (kind === "," && expected === "comma or end" && open.length > 0) return open.at(-1) === "{" ? "key" : "value";
  if ((kind === "{" || kind === "[") && isValueExpected) {
    open.push(kind);
    return kind === "{" ? "key or }" : "value or ]";
  }
  const isClosable =
    (kind === "]" && open.at(-1) === "[" && expected !== "value") || (kind === "}" && open.at(-1) === "{" && expected !== "key");
  if (!isClosable || isValueExpected !== (expected === "value or ]") || expected === "colon" || (kind === "}" && expected === "value"))
    return undefined;
  open.pop();
  return "comma or end";
}
