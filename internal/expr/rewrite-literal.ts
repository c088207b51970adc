// The part of the rewriting pass for lists, maps and messages: what is optional in them is put together piece by piece.
// 1. A literal without anything optional stays as it is: the library makes it.

import { boolNode, callNode, listNode } from "./nodes.ts";
import { refuse } from "./pass.ts";
import type { Pass } from "./pass.ts";
import type { Expr } from "./source.ts";

type List = Extract<Expr["exprKind"], { case: "listExpr" }>["value"];
type Struct = Extract<Expr["exprKind"], { case: "structExpr" }>["value"];
type Below = (child: Expr) => Expr;

/** A list; `[a, ?b]` becomes `@some(a, false) + @some(b, true)`. */
export function rewriteList(node: Expr, list: List, below: Below): Expr {
  const { id } = node;
  const elements = list.elements.map(below);
  if (list.optionalIndices.length === 0) return { ...node, exprKind: { case: "listExpr", value: { ...list, elements } } };
  const pieces = elements.map((element, index) => callNode(id, "f @some/2", [element, boolNode(id, list.optionalIndices.includes(index))]));
  return pieces.reduce((left, right) => callNode(id, "f _+_/2", [left, right]), listNode(id, []));
}

/** A map; `{k: v, ?l: o}` becomes `@merge(@entry(k, v, false), @entry(l, o, true))`. A message where messages are known. */
export function rewriteMap(pass: Pass, node: Expr, struct: Struct, below: Below): Expr {
  if (struct.messageName !== "") return rewriteMessage(pass, node, struct, below);
  for (const entry of struct.entries) refuseFieldKey(pass, node, entry.keyKind.case);
  const entries = struct.entries.map((entry) => rewriteEntry(entry, below));
  if (!entries.some((entry) => entry.optionalEntry)) return { ...node, exprKind: { case: "structExpr", value: { ...struct, entries } } };
  const { id } = node;
  const pieces = entries.flatMap(({ keyKind, value, optionalEntry }) =>
    keyKind.case === "mapKey" && value !== undefined
      ? [callNode(id, "f @entry/3", [keyKind.value, value, boolNode(id, optionalEntry)])]
      : [],
  );
  return pieces.reduce((left, right) => callNode(id, "f @merge/2", [left, right]), callNode(id, "f @map/0", []));
}

function refuseFieldKey(pass: Pass, node: Expr, kind: string | undefined): void {
  if (kind === "fieldKey") refuse(pass, node, 'a map is written {"key": value}');
}

function rewriteMessage(pass: Pass, node: Expr, struct: Struct, below: Below): Expr {
  const known = pass.checked.references.get(node);
  if (known === undefined) {
    refuse(pass, node, `messages such as ${struct.messageName}{…} cannot be made here; write a map: {"key": value}`);
    return node;
  }
  const entries = struct.entries.map((entry) => rewriteEntry(entry, below));
  for (const entry of entries) if (entry.optionalEntry) refuse(pass, node, "optional fields of messages are not supported");
  return { ...node, exprKind: { case: "structExpr", value: { ...struct, messageName: `.${known.name}`, entries } } };
}

function rewriteEntry(entry: Struct["entries"][number], below: Below): Struct["entries"][number] {
  return {
    ...entry,
    keyKind: entry.keyKind.case === "mapKey" ? { case: "mapKey" as const, value: below(entry.keyKind.value) } : entry.keyKind,
    ...(entry.value === undefined ? {} : { value: below(entry.value) }),
  };
}
