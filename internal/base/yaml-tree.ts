// From the library's YAML nodes to plain JSON, with the offset of each key and value kept beside it.
// 1. Aliases are expanded here, and counted: a bomb is refused before it grows. An alias of what surrounds it is unknown yet, so
//    there are no cycles. 2. Offsets are kept per container, not per path: paths of a million values would cost more than the values.

import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Alias, ParsedNode, Scalar, YAMLMap, YAMLSeq } from "yaml";
import type { PathStep } from "./json-path.ts";
import { setKey } from "./json.ts";
import type { JsonValue } from "./json.ts";
import { YAML_ALIASES_MAX, YAML_ALIAS_NODES_MAX, YAML_DEPTH_MAX } from "./limits.ts";

/** What is wrong at an offset of the text. */
export class YamlFault extends Error {
  override readonly name = "YamlFault";
  readonly offset: number;
  constructor(offset: number, reason: string) {
    super(reason);
    this.offset = offset;
  }
}

/** JSON, and the offsets of its keys and values. */
export interface JsonTree {
  readonly value: JsonValue;
  readonly rootOffset: number;
  /** The offset of the value (or of its key) that the steps lead to, or undefined where they lead nowhere. */
  offsetOf(steps: readonly PathStep[], what: "value" | "key"): number | undefined;
}

interface Offsets {
  readonly keys: readonly PathStep[] | undefined;
  readonly keyOffsets: readonly number[];
  readonly valueOffsets: readonly number[];
}

interface Walk {
  readonly anchors: Map<string, ParsedNode>;
  readonly offsets: WeakMap<object, Offsets>;
  aliasCount: number;
  aliasNodeCount: number;
  /** How many alias expansions are around the node at hand. */
  aliasDepth: number;
}

const INT_TEXT = /^[-+]?(?:\d+|0x[0-9a-fA-F]+|0o[0-7]+)$/;

/** Turns the contents of a document into JSON; throws YamlFault. */
export function toJsonTree(contents: ParsedNode | null): JsonTree {
  const walk: Walk = { anchors: new Map(), offsets: new WeakMap(), aliasCount: 0, aliasNodeCount: 0, aliasDepth: 0 };
  const value = contents === null ? null : toJson(walk, contents, 0);
  const rootOffset = contents?.range[0] ?? 0;
  return { value, rootOffset, offsetOf: (steps, what) => findOffset(walk, value, rootOffset, steps, what) };
}

function toJson(walk: Walk, node: ParsedNode, depth: number): JsonValue {
  const offset = node.range[0];
  if (depth > YAML_DEPTH_MAX) throw new YamlFault(offset, `nested deeper than ${YAML_DEPTH_MAX}`);
  if (walk.aliasDepth > 0 && ++walk.aliasNodeCount > YAML_ALIAS_NODES_MAX) {
    throw new YamlFault(offset, `aliases expand to more than ${YAML_ALIAS_NODES_MAX} values; write the values out, or use fewer aliases`);
  }
  if (isAlias(node)) return expandAlias(walk, node, depth);
  if (node.tag !== undefined && node.tag !== "")
    throw new YamlFault(offset, "tags are not supported: write plain text, numbers, lists and maps");
  const value = isMap(node) ? mapToJson(walk, node, depth) : isSeq(node) ? listToJson(walk, node, depth) : scalarToJson(node);
  if (node.anchor !== undefined && walk.aliasDepth === 0) {
    if (walk.anchors.has(node.anchor)) throw new YamlFault(offset, "this anchor is defined twice");
    walk.anchors.set(node.anchor, node);
  }
  return value;
}

function expandAlias(walk: Walk, alias: Alias.Parsed, depth: number): JsonValue {
  const [offset] = alias.range;
  const node = walk.anchors.get(alias.source);
  if (node === undefined) throw new YamlFault(offset, "this alias names no anchor before it (an anchor cannot hold itself)");
  if (++walk.aliasCount > YAML_ALIASES_MAX) throw new YamlFault(offset, `more than ${YAML_ALIASES_MAX} aliases; write the values out`);
  walk.aliasDepth++;
  const value = toJson(walk, node, depth + 1);
  walk.aliasDepth--;
  return value;
}

function mapToJson(walk: Walk, map: YAMLMap.Parsed, depth: number): JsonValue {
  const object: { [key: string]: JsonValue } = {};
  const keys: string[] = [];
  const keyOffsets: number[] = [];
  const valueOffsets: number[] = [];
  for (const { key, value } of map.items) {
    const [keyOffset] = key.range;
    const name = keyText(walk, key, keyOffset);
    if (Object.hasOwn(object, name)) throw new YamlFault(keyOffset, `the key ${JSON.stringify(name)} appears twice`);
    setKey(object, name, value === null ? null : toJson(walk, value, depth + 1));
    keys.push(name);
    keyOffsets.push(keyOffset);
    valueOffsets.push(value?.range[0] ?? keyOffset);
  }
  walk.offsets.set(object, { keys, keyOffsets, valueOffsets });
  return object;
}

function keyText(walk: Walk, key: ParsedNode, offset: number): string {
  const node = isAlias(key) ? walk.anchors.get(key.source) : key;
  if (!isScalar(node) || typeof node.value !== "string") throw new YamlFault(offset, "a key must be text");
  if (node.tag !== undefined) throw new YamlFault(offset, "tags are not supported");
  if (node.value === "<<" && node.type === "PLAIN") throw new YamlFault(offset, "merge keys (<<) are not supported; write the entries out");
  return wellFormed(node.value, offset);
}

function listToJson(walk: Walk, list: YAMLSeq.Parsed, depth: number): JsonValue {
  const valueOffsets: number[] = [];
  const items = list.items.map((item) => {
    valueOffsets.push(item.range?.[0] ?? list.range[0]);
    return toJson(walk, item, depth + 1);
  });
  walk.offsets.set(items, { keys: undefined, keyOffsets: valueOffsets, valueOffsets });
  return items;
}

function scalarToJson(node: Scalar.Parsed): JsonValue {
  const [offset] = node.range;
  const { value } = node;
  switch (typeof value) {
    case "string":
      return wellFormed(value, offset);
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw new YamlFault(offset, "a number must be finite");
      if (INT_TEXT.test(node.source) && !Number.isSafeInteger(value))
        throw new YamlFault(offset, "an integer beyond 2^53 loses digits; put it in quotes");
      return value;
    default:
      if (value === null || value === undefined) return null;
      throw new YamlFault(offset, "a value must be text, a number, true, false, null, a list or a map");
  }
}

function wellFormed(text: string, offset: number): string {
  if (!text.isWellFormed()) throw new YamlFault(offset, "a lone surrogate is not a character");
  return text;
}

function findOffset(
  walk: Walk,
  root: JsonValue,
  rootOffset: number,
  steps: readonly PathStep[],
  what: "value" | "key",
): number | undefined {
  let value: unknown = root;
  let offset: number | undefined = rootOffset;
  for (const step of steps) {
    if (typeof value !== "object" || value === null) return undefined;
    const offsets = walk.offsets.get(value);
    if (offsets === undefined) return undefined;
    const index = offsets.keys === undefined ? step : offsets.keys.indexOf(step);
    if (typeof index !== "number") return undefined;
    offset = what === "key" ? offsets.keyOffsets[index] : offsets.valueOffsets[index];
    if (offset === undefined) return undefined;
    value = Object.getOwnPropertyDescriptor(value, String(step))?.value;
  }
  return offset;
}
