// The table of an action's arguments in docs/actions/*.md, from the same declaration that checks them.
// 1. Nothing but the declaration enters it: a page that is older than the code fails a test.

import { assert } from "../base/assert.ts";
import type { ArgSchema, ArgSpec } from "./arg-schema.ts";
import { typesOf } from "./arg-bounds.ts";

const BEGIN = "<!-- arguments: made from the action's schema by `UPDATE_DOCS=1 npx vitest run internal/action/docs.test.ts` -->";
const END = "<!-- end of arguments -->";

/** The page with its table of arguments made anew. */
export function withArgumentTable(page: string, schema: ArgSchema): string {
  const [start, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  assert(start !== -1 && end > start, "a page of an action has the two marks between which its table goes");
  return `${page.slice(0, start)}${BEGIN}\n\n${argumentTable(schema)}\n${page.slice(end)}`;
}

/** The table in Markdown; a field of an object is `object.field`. */
export function argumentTable(schema: ArgSchema): string {
  const head = ["| argument | type | default | meaning |", "| --- | --- | --- | --- |"];
  return `${[...head, ...rows(schema, "")].join("\n")}\n`;
}

function rows(schema: ArgSchema, prefix: string): readonly string[] {
  return Object.entries(schema).flatMap(([name, spec]) => {
    const path = `${prefix}${name}`;
    const row = `| \`${path}\` | ${typeText(spec)} | ${defaultText(spec)} | ${spec.description.replaceAll("|", "\\|")}${allowedText(spec)} |`;
    return [row, ...(spec.fields === undefined ? [] : rows(spec.fields, `${path}.`))];
  });
}

function typeText(spec: ArgSpec): string {
  const names = typesOf(spec).map((type) => {
    if (type === "list" && spec.items !== undefined) return `list of ${typesOf(spec.items).join(" or ")}`;
    if (type === "object" && spec.values !== undefined) return `object of ${typesOf(spec.values).join(" or ")}`;
    return type === "any" ? "any JSON" : type;
  });
  return names.join(" or ");
}

function defaultText(spec: ArgSpec): string {
  if (spec.required === true) return "**required**";
  return spec.default === undefined ? "" : `\`${JSON.stringify(spec.default)}\``;
}

function allowedText({ allowed }: ArgSpec): string {
  return allowed === undefined
    ? ""
    : ` One of ${allowed.map((value) => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``).join(", ")}.`;
}
