// docs/cli.md holds what the parser itself says of every verb and flag. `UPDATE_DOCS=1 npx vitest run cmd/holdfast/docs.test.ts` rewrites it.

import type { Command, Option } from "commander";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { EXIT_CODES } from "./exit-code.ts";
import { buildProgram } from "./program.ts";

const PAGE = fileURLToPath(new URL("../../docs/cli.md", import.meta.url));

function table(head: readonly [string, string], rows: readonly (readonly [string, string])[]): string {
  return [
    `| ${head.join(" | ")} |`,
    "| --- | --- |",
    ...rows.map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`),
  ].join("\n");
}

function optionRows(options: readonly Option[]): (readonly [string, string])[] {
  return options.map((option) => {
    const repeated = option.parseArg === undefined || option.argChoices !== undefined ? "" : " May be repeated.";
    const needed = option.mandatory ? " Required." : "";
    return [`\`${option.flags}\``, `${sentence(option.description)}${repeated}${needed}`];
  });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The verbs under a command; a noun's verbs are written with it. */
function verbs(command: Command): Command[] {
  return command.commands
    .filter((child) => child.name() !== "help")
    .flatMap((child) => (child.commands.length > 0 ? verbs(child) : [child]));
}

function verbSection(verb: Command): string {
  const names: string[] = [];
  for (let at: Command | null = verb; at !== null; at = at.parent) names.unshift(at.name());
  const args = verb.registeredArguments.map((arg) => (arg.required ? arg.name().toUpperCase() : `[${arg.name().toUpperCase()}]`));
  const parts = [`### \`${[...names, ...args].join(" ")}\``, sentence(verb.description())];
  if (verb.options.length > 0) parts.push(table(["flag", "meaning"], optionRows(verb.options)));
  return parts.join("\n\n");
}

function generated(): string {
  const program = buildProgram("0", { writeOut: () => undefined, writeErr: () => undefined }, async () => undefined);
  const all = verbs(program);
  const groups = [...new Set(all.map((verb) => groupOf(verb)))];
  const sections = groups.map((group) => [`## ${group}`, ...all.filter((verb) => groupOf(verb) === group).map(verbSection)].join("\n\n"));
  const globals = program.options.filter((option) => option.long !== "--version");
  return [
    "## Flags of every verb\n\n" + table(["flag", "meaning"], optionRows(globals)),
    "## Exit codes\n\n" +
      table(
        ["code", "meaning"],
        EXIT_CODES.map(([code, meaning]) => [String(code), sentence(meaning)]),
      ),
    ...sections,
  ].join("\n\n");
}

function groupOf(verb: Command): string {
  return (verb.helpGroup() || verb.parent?.helpGroup() || "").replace(/:$/, "");
}

test("docs/cli.md says of every verb and flag what the parser says", () => {
  const page = readFileSync(PAGE, "utf8");
  const [, before = "", , after = ""] =
    /^([^]*<!-- generated from the parser -->\n\n)([^]*?)(\n\n<!-- end of the generated part -->[^]*)$/.exec(page) ?? [];
  const wanted = `${before}${generated()}${after}`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(PAGE, wanted);
  else expect(unaligned(page)).toBe(unaligned(wanted));
});

/** The formatter aligns tables; what they say is compared. */
function unaligned(text: string): string {
  return text.replace(/ +\|/g, " |").replace(/\| -+ /g, "| --- ");
}
