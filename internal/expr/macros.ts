// The pass right after parsing: optional syntax and the macros that the library's parser does not know become plain nodes.
// `cel.bind(x, v, e)`, `list.all(i, v, e)` and the other macros of two variables, `optMap`, `optFlatMap`.
// 1. Each node is a new object, so that what the checker learns of a node can be kept by the node itself.

import { EXPR_TREE_DEPTH_MAX } from "../base/limits.ts";
import { exprError } from "./expr-error.ts";
import { expandMacro } from "./macro-forms.ts";
import { callNode, stringNode } from "./nodes.ts";
import type { Expr, Syntax } from "./source.ts";

interface Expansion {
  readonly syntax: Syntax;
  /** The `?` that nodes have taken; the others stand where nothing can be optional. */
  readonly taken: Set<number>;
}

/** The tree without optional syntax and macros; throws INVALID_ARGUMENT for a `?` that belongs nowhere. */
export function expandMacros(syntax: Syntax): Expr {
  const expansion: Expansion = { syntax, taken: new Set() };
  const root = expand(expansion, syntax.root, 0);
  const { selects, elements, entries } = syntax.optional;
  const marks = [...selects.values(), ...entries.values(), ...[...elements.values()].flatMap((found) => [...found.values()])];
  const stray = marks.filter((offset) => !expansion.taken.has(offset));
  if (stray.length > 0)
    throw exprError(
      syntax.text,
      stray.map((offset) => ({ offset, reason: "syntax error: nothing can be optional here" })),
    );
  return root;
}

function expand(expansion: Expansion, node: Expr, depth: number): Expr {
  const { syntax } = expansion;
  if (depth > EXPR_TREE_DEPTH_MAX)
    throw exprError(syntax.text, [
      { offset: syntax.offsetOf(node.id), reason: `the expression is nested deeper than ${EXPR_TREE_DEPTH_MAX}` },
    ]);
  const below = (child: Expr): Expr => expand(expansion, child, depth + 1);
  const { exprKind } = node;
  switch (exprKind.case) {
    case "selectExpr": {
      const { operand, field, testOnly } = exprKind.value;
      if (operand === undefined) return node;
      const written = syntax.optional.quoted.get(field) ?? field;
      if (!testOnly && takeSelect(expansion, node)) return callNode(node.id, "_?._", [below(operand), stringNode(node.id, written)]);
      return { ...node, exprKind: { case: "selectExpr", value: { ...exprKind.value, field: written, operand: below(operand) } } };
    }
    case "callExpr":
      return expandCall(expansion, node, below);
    case "listExpr": {
      const optionalIndices = takeElements(expansion, node);
      return {
        ...node,
        exprKind: { case: "listExpr", value: { ...exprKind.value, elements: exprKind.value.elements.map(below), optionalIndices } },
      };
    }
    case "structExpr":
      return expandStruct(expansion, node, below);
    case "comprehensionExpr":
      return expandLoop(node, below);
    default:
      return { ...node };
  }
}

function expandCall(expansion: Expansion, node: Expr, below: (child: Expr) => Expr): Expr {
  if (node.exprKind.case !== "callExpr") return node;
  const call = node.exprKind.value;
  const isOptional = call.function === "_[_]" && takeElements(expansion, node).length > 0;
  const args = call.args.map(below);
  if (isOptional) return callNode(node.id, "_[?_]", args);
  const target = call.target === undefined ? {} : { target: below(call.target) };
  return (
    expandMacro(node.id, { ...call, args, ...target }) ?? {
      ...node,
      exprKind: { case: "callExpr", value: { ...call, args, ...target } },
    }
  );
}

function expandStruct(expansion: Expansion, node: Expr, below: (child: Expr) => Expr): Expr {
  if (node.exprKind.case !== "structExpr") return node;
  const struct = node.exprKind.value;
  const entries = struct.entries.map((entry) => ({
    ...entry,
    optionalEntry: takeEntry(expansion, entry.id),
    keyKind: entry.keyKind.case === "mapKey" ? { case: "mapKey" as const, value: below(entry.keyKind.value) } : unquote(expansion, entry),
    ...(entry.value === undefined ? {} : { value: below(entry.value) }),
  }));
  return { ...node, exprKind: { case: "structExpr", value: { ...struct, entries } } };
}

type Entry = Extract<Expr["exprKind"], { case: "structExpr" }>["value"]["entries"][number];

function unquote(expansion: Expansion, entry: Entry): Entry["keyKind"] {
  if (entry.keyKind.case !== "fieldKey") return entry.keyKind;
  return { case: "fieldKey", value: expansion.syntax.optional.quoted.get(entry.keyKind.value) ?? entry.keyKind.value };
}

function expandLoop(node: Expr, below: (child: Expr) => Expr): Expr {
  if (node.exprKind.case !== "comprehensionExpr") return node;
  const loop = node.exprKind.value;
  const { iterRange, accuInit, loopCondition, loopStep, result } = loop;
  const value = {
    ...loop,
    ...(iterRange === undefined ? {} : { iterRange: below(iterRange) }),
    ...(accuInit === undefined ? {} : { accuInit: below(accuInit) }),
    ...(loopCondition === undefined ? {} : { loopCondition: below(loopCondition) }),
    ...(loopStep === undefined ? {} : { loopStep: below(loopStep) }),
    ...(result === undefined ? {} : { result: below(result) }),
  };
  return { ...node, exprKind: { case: "comprehensionExpr", value } };
}

function takeSelect(expansion: Expansion, node: Expr): boolean {
  return takeAt(expansion, expansion.syntax.optional.selects, expansion.syntax.positionOf(node.id));
}

function takeEntry(expansion: Expansion, id: bigint): boolean {
  return takeAt(expansion, expansion.syntax.optional.entries, expansion.syntax.positionOf(id));
}

function takeAt(expansion: Expansion, marks: ReadonlyMap<number, number>, position: number | undefined): boolean {
  const mark = position === undefined ? undefined : marks.get(position);
  if (mark !== undefined) expansion.taken.add(mark);
  return mark !== undefined;
}

/** The indices of a list's optional elements; [0] for an optional index. */
function takeElements(expansion: Expansion, node: Expr): number[] {
  const marks = expansion.syntax.optional.elements.get(expansion.syntax.positionOf(node.id) ?? -1);
  if (marks === undefined) return [];
  for (const mark of marks.values()) expansion.taken.add(mark);
  return [...marks.keys()];
}
