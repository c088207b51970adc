// Arbitrary protobuf messages, made from their descriptors: fields by kind at their boundaries, and what no encoder would write, such as
// wrong wire types, fields that are unknown or come twice, texts that are not UTF-8, lengths that lie.
// 1. A message is data, a tree of fields; its bytes are made by the encoder here, which does not know what is right.

import { ScalarType } from "@bufbuild/protobuf";
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import fc from "fast-check";
import { oddText } from "./odd-values.ts";

/** A field on the wire. */
export interface WireField {
  readonly no: number;
  readonly value: WireValue;
}

/** What it holds; `lie` is added to the length that is written before it. */
export type WireValue =
  | { readonly kind: "varint"; readonly digits: string }
  | { readonly kind: "fixed"; readonly latin1: string; readonly wireType: number }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly latin1: string; readonly lie: number }
  | { readonly kind: "message"; readonly fields: readonly WireField[]; readonly lie: number };

const DEPTH_MAX = 5;
const FIELDS_MAX = 7;
const VARINTS = [
  0n,
  1n,
  2n,
  127n,
  128n,
  1_000n,
  1_001n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const FIXED64 = [
  "\0".repeat(8),
  "\xff".repeat(8),
  "\0\0\0\0\0\0\xf0\x7f",
  "\0\0\0\0\0\0\xf8\x7f",
  "\0\0\0\0\0\0\0\x80",
  "\0\0\0\0\0\0\xf0\x3f",
];
const FIXED32 = ["\0".repeat(4), "\xff".repeat(4), "\0\0\x80\x7f", "\0\0\0\x80"];
const NOT_UTF8 = ["\xff", "\xc0\xaf", "\xed\xa0\x80", "a\x80b", "\xf4\x90\x80\x80"];

const varint = fc
  .oneof(fc.constantFrom(...VARINTS), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 20n }))
  .map((value): WireValue => ({ kind: "varint", digits: String(value) }));
const fixed64 = fc.constantFrom(...FIXED64).map((latin1): WireValue => ({ kind: "fixed", latin1, wireType: 1 }));
const fixed32 = fc.constantFrom(...FIXED32).map((latin1): WireValue => ({ kind: "fixed", latin1, wireType: 5 }));
const lie = fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1, 2, 100, 2 ** 31, 2 ** 40) });
const bytes = fc
  .record({
    latin1: fc.oneof(
      fc.constantFrom(...NOT_UTF8),
      fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 12 }),
    ),
    lie,
  })
  .map((each): WireValue => ({ kind: "bytes", ...each }));
const anything = fc.oneof(varint, fixed64, fixed32, bytes);

/** Texts of fields; `known` are such that name what is there. */
export interface MessageWords {
  readonly known: readonly string[];
}

/** Messages of a type. */
export function oddMessages(desc: DescMessage, words: MessageWords): fc.Arbitrary<readonly WireField[]> {
  return fieldsOf(desc, { words, depth: 0, made: new Map() });
}

interface Making {
  readonly words: MessageWords;
  readonly depth: number;
  readonly made: Map<string, fc.Arbitrary<readonly WireField[]>>;
}

function fieldsOf(desc: DescMessage, making: Making): fc.Arbitrary<readonly WireField[]> {
  const name = `${desc.typeName} ${making.depth}`;
  const known = making.made.get(name);
  if (known !== undefined) return known;
  const right = desc.fields.map((field) => valueOf(field, making).map((value): WireField => ({ no: field.number, value })));
  const wrong = fc.record({
    no: fc.oneof(fc.constantFrom(0, 1, 2, 3, 19_000, 2 ** 29 - 1, 2 ** 29), fc.nat({ max: 40 })),
    value: anything,
  });
  const one: fc.Arbitrary<WireField> =
    right.length === 0 ? wrong : fc.oneof({ weight: 30, arbitrary: fc.oneof(...right) }, { weight: 1, arbitrary: wrong });
  const many: fc.Arbitrary<readonly WireField[]> = fc.array(one, { maxLength: FIELDS_MAX });
  making.made.set(name, many);
  return many;
}

function valueOf(field: DescField, making: Making): fc.Arbitrary<WireValue> {
  switch (field.fieldKind) {
    case "scalar":
      return scalarOf(field.scalar, making.words);
    case "enum":
      return varint;
    case "message":
      return messageOf(field.message, making);
    case "list":
      if (field.listKind === "message") return messageOf(field.message, making);
      return field.listKind === "enum" ? varint : scalarOf(field.scalar, making.words);
    case "map": {
      const value =
        field.mapKind === "message"
          ? messageOf(field.message, making)
          : field.mapKind === "enum"
            ? varint
            : scalarOf(field.scalar, making.words);
      return entryOf(scalarOf(field.mapKey, making.words), value);
    }
    default:
      return anything;
  }
}

function messageOf(desc: DescMessage, making: Making): fc.Arbitrary<WireValue> {
  const fields = making.depth < DEPTH_MAX ? fieldsOf(desc, { ...making, depth: making.depth + 1 }) : fc.constant([]);
  return fc.record({ fields, lie }).map((each): WireValue => ({ kind: "message", ...each }));
}

function entryOf(key: fc.Arbitrary<WireValue>, value: fc.Arbitrary<WireValue>): fc.Arbitrary<WireValue> {
  const fields = fc.tuple(key, value).map(([left, right]) => [
    { no: 1, value: left },
    { no: 2, value: right },
  ]);
  return fc.record({ fields, lie }).map((each): WireValue => ({ kind: "message", ...each }));
}

function scalarOf(type: ScalarType, { known }: MessageWords): fc.Arbitrary<WireValue> {
  if (type === ScalarType.STRING) {
    const text = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known, "") }, { weight: 2, arbitrary: oddText });
    return fc.oneof(
      { weight: 12, arbitrary: text.map((each): WireValue => ({ kind: "text", text: each })) },
      { weight: 1, arbitrary: bytes },
    );
  }
  if (type === ScalarType.BYTES) return bytes;
  if (type === ScalarType.DOUBLE || type === ScalarType.FIXED64 || type === ScalarType.SFIXED64) return fixed64;
  if (type === ScalarType.FLOAT || type === ScalarType.FIXED32 || type === ScalarType.SFIXED32) return fixed32;
  return varint;
}

/** The bytes of a message; `place` puts texts in place of what they stand for. */
export function encodeFields(fields: readonly WireField[], place: (text: string) => string): Buffer {
  return Buffer.concat(fields.map(({ no, value }) => encodeField(no, value, place)));
}

function encodeField(no: number, value: WireValue, place: (text: string) => string): Buffer {
  switch (value.kind) {
    case "varint":
      return Buffer.concat([tag(no, 0), varintBytes(BigInt(value.digits))]);
    case "fixed":
      return Buffer.concat([tag(no, value.wireType), Buffer.from(value.latin1, "latin1")]);
    case "text":
      return delimited(no, Buffer.from(place(value.text)), 0);
    case "bytes":
      return delimited(no, Buffer.from(value.latin1, "latin1"), value.lie);
    case "message":
      return delimited(no, encodeFields(value.fields, place), value.lie);
    default:
      return Buffer.alloc(0);
  }
}

function delimited(no: number, content: Buffer, lied: number): Buffer {
  return Buffer.concat([tag(no, 2), varintBytes(BigInt(Math.max(0, content.length + lied))), content]);
}

function tag(no: number, wireType: number): Buffer {
  return varintBytes(BigInt(no) * 8n + BigInt(wireType));
}

function varintBytes(value: bigint): Buffer {
  const encoded: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    encoded.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  encoded.push(Number(rest));
  return Buffer.from(encoded);
}
