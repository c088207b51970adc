// The transcripts in an example's README, run again: each `$ command` of a ```console block must print what is shown below it.
// 1. IDs, digests, times and lines of progress differ from run to run, and are passed over. What waits is looked at until it shows what is shown.
// 2. `UPDATE_DOCS=1 npx vitest run test/e2e/FILE` writes what is printed into the README.

import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";

/** A README, and how its commands are run. */
export interface ReadmeRun {
  readonly path: string;
  /** Runs one command; all that it printed, on either stream. */
  readonly ask: (words: readonly string[]) => Promise<string>;
  /** True: it comes to show what is shown only after a while. */
  readonly isWaiting: (words: readonly string[]) => boolean;
  /** When the README is written: resolves when such a command shows what is to stand there. */
  readonly settled: (ask: () => Promise<string>) => Promise<void>;
  /** True: its lines come in no order. Default: they have one. */
  readonly isUnordered?: (words: readonly string[]) => boolean;
}

const IS_UPDATE = process.env["UPDATE_DOCS"] === "1";

/** Fails where the README shows something else than what is printed. */
export async function replayReadme(readme: ReadmeRun): Promise<void> {
  const parts: string[] = [];
  for (const [index, part] of readFileSync(readme.path, "utf8")
    .split(/^```console\n([^]*?)^```$/m)
    .entries()) {
    if (index % 2 === 0) parts.push(part);
    else parts.push(`\`\`\`console\n${await runBlock(readme, part)}\`\`\``);
  }
  if (IS_UPDATE) writeFileSync(readme.path, parts.join(""));
}

/** Runs the commands of a block; what was printed. */
async function runBlock(readme: ReadmeRun, block: string): Promise<string> {
  let printed = "";
  for (const entry of block.split(/^\$ /m).slice(1)) {
    const { command, shown } = parts(entry);
    printed += `$ ${command}\n${await runCommand(readme, command, shown)}`;
  }
  return printed;
}

/** A command may go on over lines that end in a backslash. */
function parts(entry: string): { readonly command: string; readonly shown: string } {
  const [command = ""] = /^(?:.*\\\n)*.*/.exec(entry) ?? [];
  return { command, shown: entry.slice(command.length + 1) };
}

async function runCommand(readme: ReadmeRun, command: string, shown: string): Promise<string> {
  const words = wordsOf(command);
  const ask = (): Promise<string> => readme.ask(words);
  const isWaiting = readme.isWaiting(words);
  if (IS_UPDATE) {
    if (isWaiting) await readme.settled(ask);
    return ask();
  }
  const lines = (text: string): readonly string[] =>
    readme.isUnordered?.(words) === true ? comparable(text).toSorted() : comparable(text);
  if (isWaiting) await expect.poll(async () => lines(await ask()), { timeout: 20_000 }).toEqual(lines(shown));
  else expect(lines(await ask()), command).toEqual(lines(shown));
  return shown;
}

/** As a shell reads a command without variables. */
function wordsOf(command: string): readonly string[] {
  const words = command.replaceAll("\\\n", " ").match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return words.map((word) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ""));
}

/** How many lines of progress there are depends on how fast it goes. */
const PROGRESS = /^ID RUNNING stage=/;

function comparable(text: string): readonly string[] {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/\bin (?:\d+(?:ms|s|m|h) ?)+/g, "in A WHILE ")
    .replaceAll(/@[0-9a-f]{12}\b/g, "@DIGEST")
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !PROGRESS.test(line));
}
