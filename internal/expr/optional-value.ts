// An optional value. The library knows none, so it is an object that the library takes for a type: the one kind of value that it
// hands through everywhere and does nothing with.
// 1. Only optional.ts looks inside. 2. An optional is no JSON: an expression ends with orValue() or value().

import type { CelValue } from "@bufbuild/cel";

const TYPE_BRAND = Symbol.for("@bufbuild/cel/type");

/** A value that may be absent. */
export class Optional {
  readonly [TYPE_BRAND] = {};
  readonly kind = "object";
  readonly name = "optional_type";
  readonly desc = undefined;
  readonly #item: CelValue | undefined;

  constructor(item: CelValue | undefined) {
    this.#item = item;
  }

  get item(): CelValue | undefined {
    return this.#item;
  }

  toString(): string {
    return "optional_type";
  }
}
