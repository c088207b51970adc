// The ten functions in which a profile's time went, by self time, as a table: `npm run bench -- --top FILE.cpuprofile`.
// 1. Decodes what `--cpu-prof` writes. Time in which nothing ran ("(idle)") is not counted: shares are of the time on the core.

import { readFileSync } from "node:fs";
import { topOf } from "./profile-share.ts";
import type { Profile } from "./profile-share.ts";

const SHOWN = 10;

const [path = ""] = process.argv.slice(2);
const profile = JSON.parse(readFileSync(path, "utf8")) as Profile;
const { busyMs, functions } = topOf(profile, SHOWN);
console.log(`| ${Math.round(busyMs).toLocaleString("en")} ms on the core | self |\n|---|---|`);
for (const { name, place, share } of functions) console.log(`| \`${name}\`${place} | ${(100 * share).toFixed(1)} % |`);
