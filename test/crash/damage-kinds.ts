// What happens to files on bad disks: a flipped bit, a torn end, a run of zeros, a file that is gone. Which, where: by lot, from a seed.

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The files of a data directory that are damaged, and the client's logbook. */
const FILE_KINDS = ["log", "table", "manifest", "current", "head", "tokens", "logbook"] as const;
/** A kind of file. */
export type FileKind = (typeof FILE_KINDS)[number];

/** The ways of damage. What is gone is not looked for where it may as well have never been: no tokens, no entry of the logbook. */
const HURTS = ["flipped", "torn", "zeroed", "gone"] as const;
/** A way of damage. */
export type Hurt = (typeof HURTS)[number];

/** One damage that was done. */
export interface Damage {
  readonly kind: FileKind;
  readonly hurt: Hurt;
  /** Below the directory that holds `data` and `state`. */
  readonly file: string;
  readonly at: number;
}

const PLACE: Readonly<Record<FileKind, { readonly directory: string; readonly name: RegExp }>> = {
  log: { directory: "data/journal", name: /\.log$/ },
  table: { directory: "data/journal", name: /\.ldb$/ },
  manifest: { directory: "data/journal", name: /^MANIFEST-/ },
  current: { directory: "data/journal", name: /^CURRENT$/ },
  head: { directory: "data", name: /^journal-head$/ },
  tokens: { directory: "data", name: /^tokens\.json$/ },
  logbook: { directory: "state/logbook", name: /\.json$/ },
};
const ZEROED_BYTES_MAX = 512;
const BLOCK_BYTES = 32 * 1024;

/** The damage of a run: all kinds and ways come in turn. */
export function damageOf(run: number): Pick<Damage, "kind" | "hurt"> {
  const pairs = FILE_KINDS.flatMap((kind) => HURTS.map((hurt) => ({ kind, hurt }))).filter(
    ({ kind, hurt }) => hurt !== "gone" || (kind !== "tokens" && kind !== "logbook"),
  );
  const pair = pairs[run % pairs.length];
  if (pair === undefined) throw new Error("there is no way of damage");
  return pair;
}

/** Damages one file of a kind below the directory. */
export function damage(directory: string, { kind, hurt }: Pick<Damage, "kind" | "hurt">, random: () => number): Damage {
  const place = PLACE[kind];
  const upTo = (end: number): number => Math.floor(random() * end);
  const names = readdirSync(join(directory, place.directory))
    .filter((name) => place.name.test(name))
    .sort();
  const sized = names
    .map((name) => ({ name, bytes: readFileSync(join(directory, place.directory, name)) }))
    .filter(({ bytes }) => bytes.length > 0);
  const chosen = sized[upTo(sized.length)];
  if (chosen === undefined) throw new Error(`there is no ${kind} to damage below ${directory}`);
  const { name, bytes } = chosen;
  const file = join(place.directory, name);
  const path = join(directory, file);
  // A torn end is often that of a block; a file is often torn to nothing.
  const edges = [0, bytes.length - 1, upTo(Math.ceil(bytes.length / BLOCK_BYTES)) * BLOCK_BYTES];
  const at = hurt === "torn" && random() < 0.3 ? (edges[upTo(edges.length)] ?? 0) : upTo(bytes.length);
  if (hurt === "gone") rmSync(path);
  else writeFileSync(path, hurtBytes(bytes, { hurt, at, bit: upTo(8) }));
  return { kind, hurt, file, at };
}

function hurtBytes(bytes: Buffer, { hurt, at, bit }: { readonly hurt: Hurt; readonly at: number; readonly bit: number }): Buffer {
  if (hurt === "torn") return bytes.subarray(0, at);
  const changed = Buffer.from(bytes);
  if (hurt === "zeroed") changed.fill(0, at, Math.min(bytes.length, at + ZEROED_BYTES_MAX));
  else changed[at] = (changed[at] ?? 0) ^ (1 << bit);
  return changed;
}
