// YAML as JSON with places: workflow files, inventories, actions and policies are all read by this one function.
// 1. Only what JSON can say comes out: no tags, no timestamps (dates stay strings), no merge keys; keys are strings.
// 2. Bytes, depth and alias expansion are bounded; duplicate keys and second documents are refused; each error has line and column.
// 3. Every value can be found again by its path (`stages[1].when`), so that later errors can name file, line and column too.

import { Composer, LineCounter, Parser } from "yaml";
import type { Document, ParsedNode } from "yaml";
import { parsePath } from "./json-path.ts";
import type { JsonValue } from "./json.ts";
import { ERRORS_SHOWN_MAX, YAML_DEPTH_MAX } from "./limits.ts";
import { placeError, placeErrors } from "./place.ts";
import type { TextPosition } from "./place.ts";
import { YamlFault, toJsonTree } from "./yaml-tree.ts";
import type { JsonTree } from "./yaml-tree.ts";

/** What to read, for messages, and how much of it at most. */
export interface YamlOptions {
  /** The file's name as messages show it. */
  readonly file: string;
  readonly bytesMax: number;
}

/** A file as JSON, and where each of its values stands. */
export interface YamlFile {
  readonly file: string;
  readonly value: JsonValue;
  /** Where the value at a path starts, or undefined where there is none. */
  at(path: string): TextPosition | undefined;
  /** Where the key of the value at a path starts: the place of an unknown key. */
  keyAt(path: string): TextPosition | undefined;
  /** Where the value at a path starts, or what is nearest around it; takes an error's place (`stages[0].when:1:7`) as it is. */
  near(path: string): TextPosition;
}

type YamlDocument = Document.Parsed<ParsedNode>;

/** Reads one YAML document (or JSON, which is YAML too); throws INVALID_ARGUMENT with all syntax errors, or the first other one. */
export function readYaml(text: string, options: YamlOptions): YamlFile {
  const { file, bytesMax } = options;
  if (isLonger(text, bytesMax))
    throw placeError(file, undefined, `the file is larger than ${bytesMax} bytes; split it, or move data out of it`);
  const lines = new LineCounter();
  const positionAt = (offset: number): TextPosition => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = composeOne(text, file, lines, positionAt);
  try {
    return { file, ...lookUps(toJsonTree(document.contents), positionAt) };
  } catch (cause) {
    if (cause instanceof YamlFault) throw placeError(file, positionAt(cause.offset), cause.message);
    throw cause;
  }
}

function composeOne(text: string, file: string, lines: LineCounter, positionAt: (offset: number) => TextPosition): YamlDocument {
  const composer = new Composer<ParsedNode>({
    schema: "core",
    version: "1.2",
    uniqueKeys: false, // the library compares each key with each other; yaml-tree.ts does it in linear time
    stringKeys: true,
    merge: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  let first: YamlDocument | undefined;
  for (const document of composer.compose(new Parser(lines.addNewLine).parse(text), true, text.length)) {
    if (first !== undefined) throw placeError(file, positionAt(document.range[0]), "a second document; a file holds one");
    first = document;
    if (document.errors.length > 0) throw syntaxErrors(document, file, positionAt);
    if (document.directives.yaml.explicit === true) throw placeError(file, positionAt(0), "directives such as %YAML are not supported");
  }
  if (first === undefined) throw placeError(file, undefined, "the file holds no document");
  return first;
}

function syntaxErrors(document: YamlDocument, file: string, positionAt: (offset: number) => TextPosition): Error {
  const tooDeep = document.errors.find(({ code }) => code === "RESOURCE_EXHAUSTION");
  if (tooDeep !== undefined) return placeError(file, positionAt(tooDeep.pos[0]), `nested deeper than ${YAML_DEPTH_MAX}`);
  const errors = [...document.errors].sort((left, right) => left.pos[0] - right.pos[0]).slice(0, ERRORS_SHOWN_MAX);
  return placeErrors(
    file,
    errors.map(({ pos, code, message }) => ({
      position: positionAt(pos[0]),
      reason: code === "NON_STRING_KEY" ? "a key must be text" : message,
    })),
  );
}

function lookUps(tree: JsonTree, positionAt: (offset: number) => TextPosition): Omit<YamlFile, "file"> {
  const offsetAt = (path: string, what: "value" | "key"): number | undefined => {
    const steps = parsePath(path);
    return steps === undefined ? undefined : tree.offsetOf(steps, what);
  };
  const position = (offset: number | undefined) => (offset === undefined ? undefined : positionAt(offset));
  return {
    value: tree.value,
    at: (path) => position(offsetAt(path, "value")),
    keyAt: (path) => position(offsetAt(path, "key")),
    near: (path) => {
      const steps = parsePath(path.replace(/(?::\d+){1,2}$/, "")) ?? [];
      for (let length = steps.length; length > 0; length--) {
        const offset = tree.offsetOf(steps.slice(0, length), "value");
        if (offset !== undefined) return positionAt(offset);
      }
      return positionAt(tree.rootOffset);
    },
  };
}

function isLonger(text: string, bytesMax: number): boolean {
  if (text.length > bytesMax) return true;
  return text.length * 3 > bytesMax && new TextEncoder().encode(text).length > bytesMax;
}
