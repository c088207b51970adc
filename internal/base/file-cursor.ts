// Reading a YAML file field by field: a cursor knows its value and its place, and every fault found is kept with line and column.
// 1. Nothing here throws for what an author wrote: faults are gathered, so that all of them are shown at once.
// 2. A value of the wrong kind reads as undefined, so that one fault does not cause another.

import { DURATION_FORM, durationText, parseDurationMs } from "./duration.ts";
import { HoldfastError } from "./errors.ts";
import type { ErrorDetail } from "./errors.ts";
import { indexPath, keyPath } from "./json-path.ts";
import { isJsonObject } from "./json.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { DURATION_MS_MAX, FILE_FAULTS_SHOWN_MAX } from "./limits.ts";
import { didYouMean } from "./nearest.ts";
import { placeErrors } from "./place.ts";
import type { PlacedReason, TextPosition } from "./place.ts";
import type { YamlFile } from "./yaml.ts";

/** All that is wrong with one file. */
export class FileFaults {
  readonly file: YamlFile;
  readonly #lines: readonly string[];
  readonly #faults: PlacedReason[] = [];

  constructor(file: YamlFile, text: string) {
    this.file = file;
    this.#lines = text.split(/\r?\n/);
  }

  /** A line of the file, from 1. */
  line(number: number): string {
    return this.#lines[number - 1] ?? "";
  }

  /** Something wrong with the value at a path. */
  add(path: string, reason: string): void {
    this.addAt(this.file.near(path), path, reason);
  }

  /** Something wrong with the key at a path. */
  addKey(path: string, reason: string): void {
    this.addAt(this.file.keyAt(path) ?? this.file.near(path), path, reason);
  }

  /** Something wrong at a position that the caller knows better. */
  addAt(position: TextPosition, path: string, reason: string, snippet?: string): void {
    const shown = snippet === undefined ? {} : { snippet };
    this.#faults.push({ position, reason: path === "" ? reason : `${path}: ${reason}`, ...shown });
  }

  /** Throws INVALID_ARGUMENT with all faults, in the order of the file. */
  throwIfAny(): void {
    if (this.#faults.length === 0) return;
    const ordered = [...this.#faults].sort((left, right) => compare(left.position, right.position));
    const shown = ordered.slice(0, FILE_FAULTS_SHOWN_MAX);
    const more = ordered.length - shown.length;
    if (more > 0) shown.push({ position: undefined, reason: `and ${more} more` });
    throw placeErrors(this.file.file, shown);
  }

  /** Where the first character of the text at a path stands: after a quote, or on the line below `|` and `>`. Exact but for escapes and folds. */
  origin(path: string): TextPosition {
    const start = this.file.near(path);
    const opening = this.line(start.line)[start.column - 1] ?? "";
    if (opening === "|" || opening === ">") return { line: start.line + 1, column: this.line(start.line + 1).search(/\S|$/) + 1 };
    return opening === "'" || opening === '"' ? { line: start.line, column: start.column + 1 } : start;
  }

  /** Runs work whose HoldfastError concerns the value at a path; undefined when it threw. */
  collect<T>(path: string, work: () => T, placed: (detail: ErrorDetail) => { path: string; position: TextPosition }): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      const details = error.details.length > 0 ? error.details : [{ place: path, reason: error.message }];
      for (const detail of details) {
        const at = placed(detail);
        this.addAt(at.position, at.path, detail.reason, detail.snippet);
      }
      return undefined;
    }
  }
}

/** One value of a file, and how to read it as what it must be. */
export class FileCursor {
  readonly faults: FileFaults;
  readonly path: string;
  readonly value: JsonValue;

  constructor(faults: FileFaults, path: string, value: JsonValue) {
    this.faults = faults;
    this.path = path;
    this.value = value;
  }

  /** Notes a fault here; gives undefined, for `return cursor.refuse(…)`. */
  refuse(reason: string): undefined {
    this.faults.add(this.path, reason);
    return undefined;
  }

  /** The fields of an object that may only have the known ones; undefined for anything but an object. */
  fields<Name extends string>(known: readonly Name[], what: string): FileFields<Name> | undefined {
    if (!isJsonObject(this.value)) return this.refuse(`${what} must be a map with ${listed(known)}; found ${kindOf(this.value)}`);
    for (const key of Object.keys(this.value)) {
      if (known.some((name) => name === key)) continue;
      this.faults.addKey(keyPath(this.path, key), `unknown field${didYouMean(key, known) || `; ${what} has ${listed(known)}`}`);
    }
    return new FileFields(this, this.value);
  }

  /** The entries of a map with free keys. */
  entries(what: string): readonly (readonly [key: string, entry: FileCursor])[] {
    if (!isJsonObject(this.value)) {
      this.refuse(`${what} must be a map; found ${kindOf(this.value)}`);
      return [];
    }
    return Object.entries(this.value).map(([key, value]) => [key, new FileCursor(this.faults, keyPath(this.path, key), value)]);
  }

  /** The items of a list. */
  items(what: string): readonly FileCursor[] {
    const { value } = this;
    if (!isList(value)) {
      this.refuse(`${what} must be a list; found ${kindOf(value)}`);
      return [];
    }
    return value.map((item, index) => new FileCursor(this.faults, indexPath(this.path, index), item));
  }

  text(): string | undefined {
    if (typeof this.value === "string") return this.value;
    const quotes = typeof this.value === "number" || typeof this.value === "boolean" ? "; put it in quotes" : "";
    return this.refuse(`must be text; found ${kindOf(this.value)}${quotes}`);
  }

  /** Text that matches a pattern; `form` says in words what is right. */
  word(pattern: RegExp, form: string): string | undefined {
    const text = this.text();
    return text === undefined || pattern.test(text) ? text : this.refuse(`must be ${form}`);
  }

  boolean(): boolean | undefined {
    return typeof this.value === "boolean" ? this.value : this.refuse(`must be true or false; found ${kindOf(this.value)}`);
  }

  number(bounds: { min: number; max: number; isWhole: boolean }): number | undefined {
    const { value } = this;
    const { min, max, isWhole } = bounds;
    if (typeof value !== "number" || (isWhole && !Number.isInteger(value))) {
      return this.refuse(`must be a ${isWhole ? "whole " : ""}number; found ${kindOf(value)}`);
    }
    return value >= min && value <= max ? value : this.refuse(`must be between ${min} and ${max}`);
  }

  /** A length of time in milliseconds. */
  durationMs(msMax: number = DURATION_MS_MAX): number | undefined {
    if (typeof this.value !== "string") return this.refuse(`must be ${DURATION_FORM}; found ${kindOf(this.value)}`);
    return parseDurationMs(this.value, msMax) ?? this.refuse(`must be ${DURATION_FORM}, at most ${durationText(msMax)}`);
  }

  /** Free fields: text by name. */
  texts(what: string): { [key: string]: string } {
    const texts: { [key: string]: string } = {};
    for (const [key, entry] of this.entries(what)) {
      const text = entry.text();
      if (text !== undefined) Object.defineProperty(texts, key, { value: text, enumerable: true, configurable: true, writable: true });
    }
    return texts;
  }
}

/** The fields of one object. */
export class FileFields<Name extends string> {
  readonly cursor: FileCursor;
  readonly #object: JsonObject;

  constructor(cursor: FileCursor, object: JsonObject) {
    this.cursor = cursor;
    this.#object = object;
  }

  /** A field, or undefined where it is absent or null. */
  get(name: Name): FileCursor | undefined {
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    if (value === undefined || value === null) return undefined;
    return new FileCursor(this.cursor.faults, keyPath(this.cursor.path, name), value);
  }

  /** What `read` makes of a field; undefined where it is absent. */
  read<T>(name: Name, read: (field: FileCursor) => T): T | undefined {
    const field = this.get(name);
    return field === undefined ? undefined : read(field);
  }

  /** A field that must be there. */
  need(name: Name, why: string): FileCursor | undefined {
    return this.get(name) ?? this.cursor.refuse(`${name} is missing: ${why}`);
  }
}

/** What a value is, for messages: never the value itself. */
export function kindOf(value: JsonValue): string {
  if (value === null) return "nothing";
  if (isList(value)) return "a list";
  if (typeof value === "object") return "a map";
  return typeof value === "string" ? "text" : typeof value === "number" ? "a number" : "true or false";
}

/** Array.isArray, for lists that may not be changed. */
export function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function listed(names: readonly string[]): string {
  return names.join(", ");
}

function compare(left: TextPosition | undefined, right: TextPosition | undefined): number {
  if (left === undefined || right === undefined) return 0;
  return left.line - right.line || left.column - right.column;
}
