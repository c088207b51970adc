// What each macro of ours becomes. A loop over two variables keeps both names (iterVar, iterVar2) for the checker; the rewriting
// pass makes it a loop over pairs. A binding is a loop over nothing, whose accumulator is the bound name.
// 1. The accumulator of a macro's loop is `@result`; a temporary is `@of` with the node's id: no author can write either.

import { boolNode, callNode, identNode, intNode, listNode, loopNode } from "./nodes.ts";
import type { Expr } from "./source.ts";

type Call = Extract<Expr["exprKind"], { case: "callExpr" }>["value"];

/** Two variables, the range, what is evaluated for each element, and the id that new nodes take. */
interface PairLoop {
  readonly id: bigint;
  readonly range: Expr;
  readonly first: string;
  readonly second: string;
  readonly rest: readonly Expr[];
}

/** The nodes of a macro's call, or undefined for a call that is none. */
export function expandMacro(id: bigint, call: Call): Expr | undefined {
  const { target, args } = call;
  if (target === undefined) return undefined;
  const [first, second, ...rest] = args;
  const name = plainName(first);
  if (name === undefined || second === undefined) return undefined;
  if (plainName(target) === "cel" && call.function === "bind" && rest.length === 1 && rest[0] !== undefined)
    return bindNode(id, { name, value: second, body: rest[0] });
  if (rest.length === 0 && (call.function === "optMap" || call.function === "optFlatMap"))
    return expandOptionalMap(id, { target, name, body: second, isFlat: call.function === "optFlatMap" });
  const secondName = plainName(second);
  if (secondName === undefined || secondName === name) return undefined;
  return expandPairs(call.function, { id, range: target, first: name, second: secondName, rest });
}

/** `cel.bind(name, value, body)`: the body with a name for a value that is evaluated once. */
export function bindNode(id: bigint, binding: { readonly name: string; readonly value: Expr; readonly body: Expr }): Expr {
  return loopNode(id, {
    iterVar: "#unused",
    iterVar2: "",
    iterRange: listNode(id, []),
    accuVar: binding.name,
    accuInit: binding.value,
    loopCondition: boolNode(id, false),
    loopStep: identNode(id, binding.name),
    result: binding.body,
  });
}

/** The name that a node is, if it is nothing else. */
function plainName(node: Expr | undefined): string | undefined {
  return node?.exprKind.case === "identExpr" ? node.exprKind.value.name : undefined;
}

function expandPairs(macro: string, loop: PairLoop): Expr | undefined {
  const [body, last] = loop.rest;
  if (body === undefined) return undefined;
  if (loop.rest.length === 1) {
    if (macro === "all") return allLoop(loop, body);
    if (macro === "exists") return existsLoop(loop, body);
    if (macro === "existsOne" || macro === "exists_one") return existsOneLoop(loop, body);
  }
  const filter = loop.rest.length === 2 ? body : undefined;
  const item = loop.rest.length === 2 ? last : body;
  if (item === undefined || loop.rest.length > 2) return undefined;
  const { id } = loop;
  const result = identNode(id, "@result");
  if (macro === "transformList") return gatherLoop(loop, listNode(id, []), { filter, step: callNode(id, "@append", [result, item]) });
  if (macro === "transformMap") {
    const step = callNode(id, "@insert", [result, identNode(id, loop.first), item]);
    return gatherLoop(loop, callNode(id, "@map", []), { filter, step });
  }
  if (macro !== "transformMapEntry") return undefined;
  return gatherLoop(loop, callNode(id, "@map", []), { filter, step: callNode(id, "@insertEntry", [result, item]) });
}

function allLoop({ id, ...loop }: PairLoop, body: Expr): Expr {
  return pairLoop({ id, ...loop }, boolNode(id, true), {
    condition: callNode(id, "@not_strictly_false", [identNode(id, "@result")]),
    step: callNode(id, "_&&_", [identNode(id, "@result"), body]),
  });
}

function existsLoop({ id, ...loop }: PairLoop, body: Expr): Expr {
  return pairLoop({ id, ...loop }, boolNode(id, false), {
    condition: callNode(id, "@not_strictly_false", [callNode(id, "!_", [identNode(id, "@result")])]),
    step: callNode(id, "_||_", [identNode(id, "@result"), body]),
  });
}

function existsOneLoop({ id, ...loop }: PairLoop, body: Expr): Expr {
  const result = identNode(id, "@result");
  return pairLoop({ id, ...loop }, intNode(id, 0n), {
    condition: boolNode(id, true),
    step: callNode(id, "_?_:_", [body, callNode(id, "_+_", [result, intNode(id, 1n)]), identNode(id, "@result")]),
    result: callNode(id, "_==_", [identNode(id, "@result"), intNode(id, 1n)]),
  });
}

function gatherLoop({ id, ...loop }: PairLoop, start: Expr, { filter, step }: { filter: Expr | undefined; step: Expr }): Expr {
  const kept = filter === undefined ? step : callNode(id, "_?_:_", [filter, step, identNode(id, "@result")]);
  return pairLoop({ id, ...loop }, start, { condition: boolNode(id, true), step: kept });
}

function pairLoop(
  { id, range, first, second }: PairLoop,
  accuInit: Expr,
  { condition, step, result }: { readonly condition: Expr; readonly step: Expr; readonly result?: Expr },
): Expr {
  return loopNode(id, {
    iterVar: first,
    iterVar2: second,
    iterRange: range,
    accuVar: "@result",
    accuInit,
    loopCondition: condition,
    loopStep: step,
    result: result ?? identNode(id, "@result"),
  });
}

/** `target.optMap(name, body)`: the target is evaluated once, the body only where there is a value. */
function expandOptionalMap(
  id: bigint,
  { target, name, body, isFlat }: { readonly target: Expr; readonly name: string; readonly body: Expr; readonly isFlat: boolean },
): Expr {
  const temporary = `@of${id}`;
  const mapped = bindNode(id, { name, value: callNode(id, "@value", [identNode(id, temporary)]), body });
  const some = isFlat ? mapped : callNode(id, "optional.of", [mapped]);
  const test = callNode(id, "@hasValue", [identNode(id, temporary)]);
  return bindNode(id, { name: temporary, value: target, body: callNode(id, "_?_:_", [test, some, callNode(id, "optional.none", [])]) });
}
