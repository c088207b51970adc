// One row, measured in this process: `npx node test/bench/row-process.ts NAME [full|quick [FILE]]`; with FILE the result goes there as JSON.
// 1. Without FILE it prints the row's table: that is how a row is profiled (`--cpu-prof` before the path).

import { rowLines } from "./report.ts";
import { thisMachine } from "./machine.ts";
import { writeResults } from "./result.ts";
import type { Result } from "./result.ts";
import type { Row } from "./row.ts";

const [name = "", asked = "full", file] = process.argv.slice(2);
const { row }: { readonly row: Row } = await import(new URL(`rows/${name}.ts`, import.meta.url).href);
if (row.name !== name) throw new Error(`rows/${name}.ts calls itself "${row.name}"`);
const scale = asked === "quick" ? "quick" : "full";
const machine = thisMachine();
const startMs = performance.now();
const figures = await row.measure(scale);
const seconds = Math.round((performance.now() - startMs) / 1_000);
const result: Result = { name, title: row.title, scale, seconds, machine, figures };
if (file === undefined) console.log(rowLines(result).join("\n"));
else writeResults(file, [result]);
