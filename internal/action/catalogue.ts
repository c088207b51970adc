// The catalogue of actions: the built-in ones, and those that the service's operator defined in actions/*.yaml.
// 1. Names are unique: an action of one's own never hides a built-in one, whatever its version.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../base/errors.ts";
import type { ErrorDetail } from "../base/errors.ts";
import { OWN_ACTIONS_MAX, OWN_ACTION_BYTES_MAX } from "../base/limits.ts";
import type { Actions, Clock, Pace, Transport } from "../engine/ports.ts";
import { assertAction } from "./assert.ts";
import { commandAction } from "./command.ts";
import type { DocumentedAction } from "./definition.ts";
import { directoryAction } from "./directory.ts";
import { fileAction } from "./file.ts";
import { finishAction } from "./finish.ts";
import { httpAction } from "./http.ts";
import { ownAction } from "./own-action.ts";
import { parseOwnAction } from "./own-action-file.ts";
import type { OwnDefinition } from "./own-action-file.ts";
import { personAction } from "./person.ts";
import { signalAction } from "./signal.ts";
import { waitAction } from "./wait.ts";

/** What actions need of the outside, and the operator's own definitions. */
export interface CataloguePorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly own: readonly OwnDefinition[];
}

const BUILT_IN: ReadonlySet<string> = new Set(["file", "directory", "command", "http", "assert", "wait", "signal", "person", "finish"]);

/** The catalogue of all actions. */
export function createActions({ transport, clock, pace, own }: CataloguePorts): Actions {
  const all = [...builtInActions({ transport, clock, pace }), ...own.map((definition) => ownAction(transport, definition))];
  const byName = new Map(all.map((action) => [action.uses, action]));
  const names = [...byName.keys()].sort();
  return { find: (uses) => byName.get(uses), names: () => names };
}

/** The actions that Holdfast brings. */
export function builtInActions({ transport, clock, pace }: Omit<CataloguePorts, "own">): readonly DocumentedAction[] {
  return [
    fileAction(transport),
    directoryAction(transport),
    commandAction(transport),
    httpAction({ clock, pace }),
    assertAction(),
    waitAction(clock),
    signalAction(),
    personAction(),
    finishAction(),
  ];
}

/** Reads all `*.yaml` and `*.yml` of a directory; throws INVALID_ARGUMENT with the faults of all files at once. */
export async function loadActions(directory: string): Promise<readonly OwnDefinition[]> {
  const files = await listFiles(directory);
  const faults: ErrorDetail[] = [];
  const definitions: OwnDefinition[] = [];
  for (const name of files) {
    const file = join(directory, name);
    try {
      definitions.push(parseOwnAction(file, await readText(file)));
    } catch (cause) {
      if (!(cause instanceof HoldfastError)) throw cause;
      faults.push(...(cause.details.length > 0 ? cause.details : [{ place: file, reason: cause.message }]));
    }
  }
  faults.push(...nameFaults(definitions));
  if (faults.length === 0) return definitions;
  const lines = faults.map(({ place, reason }) => `${place}: ${reason}`);
  throw new HoldfastError("INVALID_ARGUMENT", `${faults.length} faults in the actions of ${directory}:\n${lines.join("\n")}`, {
    details: faults,
  });
}

async function listFiles(directory: string): Promise<readonly string[]> {
  try {
    const files = (await readdir(directory)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
    if (files.length <= OWN_ACTIONS_MAX) return files;
  } catch (cause) {
    throw new HoldfastError("NOT_FOUND", `the directory of actions ${directory} cannot be read; see --actions`, { cause });
  }
  throw new HoldfastError("RESOURCE_EXHAUSTED", `the directory of actions ${directory} holds more than ${OWN_ACTIONS_MAX} files`);
}

async function readText(file: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new HoldfastError("NOT_FOUND", `${file} cannot be read`, { cause });
  }
  if (bytes.length > OWN_ACTION_BYTES_MAX)
    throw new HoldfastError("INVALID_ARGUMENT", `larger than ${OWN_ACTION_BYTES_MAX} bytes`, {
      details: [{ place: file, reason: `larger than ${OWN_ACTION_BYTES_MAX} bytes` }],
    });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new HoldfastError("INVALID_ARGUMENT", `${file}: not UTF-8`, { details: [{ place: file, reason: "not UTF-8" }] });
  }
}

function nameFaults(definitions: readonly OwnDefinition[]): readonly ErrorDetail[] {
  const seen = new Map<string, string>();
  return definitions.flatMap(({ name, file }): readonly ErrorDetail[] => {
    const first = seen.get(name);
    seen.set(name, first ?? file);
    if (first !== undefined) return [{ place: file, reason: `the name "${name}" is taken by ${first}` }];
    return BUILT_IN.has(name.split("@")[0] ?? "")
      ? [{ place: file, reason: `the name "${name}" would hide the built-in action; choose another` }]
      : [];
  });
}
