// The types of expressions: what callers declare (`"list(string)"`, or an object with named fields), and what the checker reasons with.
// 1. `dyn` fits everything and is judged when it runs; `error` stands where something was refused already, and fits everything too.
// 2. An object is a map with known fields: a field that is not declared is refused, unless the object is open.

import { assert, assertNever } from "../base/assert.ts";

/**
 * A type as callers write it: `bool`, `int`, `uint`, `double`, `string`, `bytes`, `timestamp`, `duration`, `null`, `type`, `dyn`,
 * `list(T)`, `map(K, V)`, `optional(T)`, `wrapper(T)` or the full name of a message as text, or an object by its fields, or a list or map of these.
 */
export type ExprTypeDecl =
  string | { readonly list: ExprTypeDecl } | { readonly map: readonly [key: ExprTypeDecl, value: ExprTypeDecl] } | ExprObjectDecl;

/** An object with named fields; an open one may have others, of which nothing is known. */
export interface ExprObjectDecl {
  /** What messages call it: `target`. */
  readonly object: string;
  readonly fields: Readonly<Record<string, ExprTypeDecl>>;
  readonly isOpen?: boolean;
}

/** The kinds of types without parts; `number` is any of int, uint and double, in signatures only. */
export type PlainKind = (typeof PLAIN_KINDS)[number];

/** A type as the checker sees it. */
export type Type =
  | { readonly kind: PlainKind }
  | { readonly kind: "list"; readonly element: Type }
  | { readonly kind: "map"; readonly key: Type; readonly value: Type }
  | { readonly kind: "optional"; readonly item: Type }
  | { readonly kind: "type"; readonly of: Type }
  | { readonly kind: "wrapper"; readonly of: Type }
  | { readonly kind: "object"; readonly name: string; readonly fields: ReadonlyMap<string, Type>; readonly isOpen: boolean }
  | { readonly kind: "message"; readonly name: string }
  | { readonly kind: "parameter"; readonly name: string };

const PLAIN_KINDS = [
  "dyn",
  "null",
  "bool",
  "int",
  "uint",
  "double",
  "string",
  "bytes",
  "timestamp",
  "duration",
  "number",
  "error",
] as const;

export const DYN: Type = { kind: "dyn" };
export const ERROR: Type = { kind: "error" };
export const BOOL: Type = { kind: "bool" };
export const INT: Type = { kind: "int" };
export const STRING: Type = { kind: "string" };
export const NULL: Type = { kind: "null" };

/** The type that a declaration means; a declaration that cannot be read is a bug of the caller. */
export function typeOf(declaration: ExprTypeDecl): Type {
  if (typeof declaration === "string") return parseType(declaration);
  if ("list" in declaration) return listOf(typeOf(declaration.list));
  if ("map" in declaration) return mapOf(typeOf(declaration.map[0]), typeOf(declaration.map[1]));
  const fields = new Map(Object.entries(declaration.fields).map(([name, field]) => [name, typeOf(field)] as const));
  return { kind: "object", name: declaration.object, fields, isOpen: declaration.isOpen ?? false };
}

/** Reads `map(string, list(int))`; a single capital letter is a parameter of a signature. */
export function parseType(text: string): Type {
  const reader = { text: text.replaceAll(" ", ""), offset: 0 };
  const type = readType(reader);
  assert(reader.offset === reader.text.length, "a type's text ends with the type");
  return type;
}

/** A list of the element's type. */
export function listOf(element: Type): Type {
  return { kind: "list", element };
}

/** A map between two types. */
export function mapOf(key: Type, value: Type): Type {
  return { kind: "map", key, value };
}

/** An optional value of a type. */
export function optionalOf(item: Type): Type {
  return { kind: "optional", item };
}

/** The types that a type is made of. */
export function partsOf(type: Type): readonly Type[] {
  if (type.kind === "list") return [type.element];
  if (type.kind === "map") return [type.key, type.value];
  if (type.kind === "optional") return [type.item];
  return type.kind === "type" ? [type.of] : [];
}

/** The type with what it is made of changed; a type without parts stays itself. */
export function mapParts(type: Type, change: (part: Type) => Type): Type {
  if (type.kind === "list") return { kind: "list", element: change(type.element) };
  if (type.kind === "map") return { kind: "map", key: change(type.key), value: change(type.value) };
  if (type.kind === "optional") return { kind: "optional", item: change(type.item) };
  return type.kind === "type" ? { kind: "type", of: change(type.of) } : type;
}

/** The type as authors know it: `list(string)`, `target`, `optional(int)`. */
export function formatType(type: Type): string {
  switch (type.kind) {
    case "list":
      return `list(${formatType(type.element)})`;
    case "map":
      return `map(${formatType(type.key)}, ${formatType(type.value)})`;
    case "optional":
      return `optional(${formatType(type.item)})`;
    case "type":
      return type.of.kind === "dyn" || type.of.kind === "parameter" ? "type" : `type(${formatType(type.of)})`;
    case "wrapper":
      return `wrapper(${formatType(type.of)})`;
    case "object":
    case "message":
      return type.name;
    case "parameter":
      return "dyn";
    case "dyn":
    case "null":
    case "bool":
    case "int":
    case "uint":
    case "double":
    case "string":
    case "bytes":
    case "timestamp":
    case "duration":
    case "number":
    case "error":
      return type.kind;
    default:
      return assertNever(type);
  }
}

interface Reader {
  readonly text: string;
  offset: number;
}

function readType(reader: Reader): Type {
  const [word = ""] = /^[A-Za-z_.0-9]+/.exec(reader.text.slice(reader.offset)) ?? [];
  reader.offset += word.length;
  const parts = readParts(reader);
  const [first = DYN, second = DYN] = parts;
  if (/^[A-Z]$/.test(word)) return { kind: "parameter", name: word };
  if (word.includes(".")) return { kind: "message", name: word };
  if (word === "wrapper") return { kind: "wrapper", of: first };
  if (word === "any") return DYN;
  if (word === "list") return listOf(first);
  if (word === "map") return mapOf(first, second);
  if (word === "optional") return optionalOf(first);
  if (word === "type") return { kind: "type", of: first };
  const kind = PLAIN_KINDS.find((plain) => plain === word);
  assert(kind !== undefined, "a type is one of the known words");
  return { kind };
}

function readParts(reader: Reader): readonly Type[] {
  const parts: Type[] = [];
  if (reader.text[reader.offset] !== "(") return parts;
  do {
    reader.offset++;
    parts.push(readType(reader));
  } while (reader.text[reader.offset] === ",");
  assert(reader.text[reader.offset] === ")", "the parts of a type stand in brackets");
  reader.offset++;
  return parts;
}
