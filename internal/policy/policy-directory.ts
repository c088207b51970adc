// The policy files of a directory, read again when they change: `*.yaml` and `*.yml`, not in directories below.
// 1. A file is read in one go between two looks at it, so that a version is never half of two.
// 2. A file that cannot be read, or a name that stands in two files, is a fault of the files that have it.

import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError, reasonCode } from "../base/errors.ts";
import { fileStamp } from "../base/file-stamp.ts";
import { POLICY_FAULT_LENGTH_MAX, POLICY_FILES_MAX, POLICY_FILE_BYTES_MAX } from "../base/limits.ts";
import { readPolicy } from "./policy-file.ts";
import type { CompiledPolicy } from "./policy.ts";

/** One file as it was last found. */
export interface PolicyReading {
  /** Its name in the directory. */
  readonly file: string;
  /** Undefined: it is broken. */
  readonly policy: CompiledPolicy | undefined;
  /** What is wrong with it, with places; empty: nothing. */
  readonly fault: string;
}

/** All files of a directory. */
export interface PolicyListing {
  readonly readings: readonly PolicyReading[];
  /** Why nobody can say which files there are; empty: nothing. The readings are then the last ones. */
  readonly fault: string;
}

interface Stamped {
  readonly stamp: string;
  readonly reading: PolicyReading;
}

const READS_MAX = 3;
const POLICY_FILE = /\.ya?ml$/i;

/** Reads a directory again and again; what has not changed is not read twice. */
export class PolicyDirectory {
  readonly #directory: string;
  #known: ReadonlyMap<string, Stamped> = new Map();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** What is there now, by file name. */
  read(): PolicyListing {
    const names = this.#names();
    if (typeof names !== "string") this.#known = new Map(names.map((file) => [file, this.#look(file)] as const));
    const readings = withoutDoubles([...this.#known.values()].map(({ reading }) => reading));
    return { readings, fault: typeof names === "string" ? names : "" };
  }

  #names(): readonly string[] | string {
    try {
      const entries = readdirSync(this.#directory, { withFileTypes: true });
      const names = entries.filter((entry) => POLICY_FILE.test(entry.name) && !entry.name.startsWith(".") && !entry.isDirectory());
      if (names.length > POLICY_FILES_MAX)
        return `${this.#directory}: holds ${names.length} policy files, at most ${POLICY_FILES_MAX} are read`;
      return names.map(({ name }) => name).sort();
    } catch (cause) {
      return `${this.#directory}: the directory of policies cannot be read (${reasonCode(cause)})`;
    }
  }

  #look(file: string): Stamped {
    const path = join(this.#directory, file);
    for (let reads = 1; ; reads++) {
      const stamp = stampOf(path);
      const known = this.#known.get(file);
      if (known?.stamp === stamp) return known;
      const reading = readFile(path, file);
      if (stamp === stampOf(path)) return { stamp, reading };
      if (reads === READS_MAX)
        return { stamp: "", reading: broken(file, `${file}: changes while it is read; write a new file and rename it`) };
    }
  }
}

/** Compiles one source; a fault is part of the answer. */
export function readSource(file: string, source: string): PolicyReading {
  try {
    return { file, policy: readPolicy(file, source), fault: "" };
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return broken(file, error.message);
  }
}

/** A name stands in one file: where it stands in several, all of them are broken. */
export function withoutDoubles(readings: readonly PolicyReading[]): readonly PolicyReading[] {
  const files = new Map<string, string[]>();
  for (const { file, policy } of readings) if (policy !== undefined) files.set(policy.name, [...(files.get(policy.name) ?? []), file]);
  return readings.map((reading) => {
    const others = (files.get(reading.policy?.name ?? "") ?? []).filter((file) => file !== reading.file);
    if (others.length === 0) return reading;
    return broken(
      reading.file,
      `${reading.file}: the policy "${reading.policy?.name ?? ""}" stands in ${others.join(", ")} too; a name stands once`,
    );
  });
}

function readFile(path: string, file: string): PolicyReading {
  try {
    const { size } = statSync(path);
    if (size > POLICY_FILE_BYTES_MAX) return broken(file, `${file}: larger than ${POLICY_FILE_BYTES_MAX} bytes`);
    return readSource(file, new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path)));
  } catch (cause) {
    return broken(file, `${file}: ${cause instanceof TypeError ? "not UTF-8 text" : `cannot be read (${reasonCode(cause)})`}`);
  }
}

/** What changes whenever the file does; one that cannot be looked at is read, and says why. */
function stampOf(path: string): string {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? "none" : fileStamp(stat);
  } catch (cause) {
    return reasonCode(cause);
  }
}

function broken(file: string, fault: string): PolicyReading {
  return { file, policy: undefined, fault: fault.slice(0, POLICY_FAULT_LENGTH_MAX) };
}
