// Values of `secret('name')`: a file DIR/name, else a variable HOLDFAST_SECRET_NAME. Read at dispatch, kept nowhere.
// 1. A name is a single safe file name; `../` and friends get no further than its pattern.
// 2. A file that others than its owner can read or write is refused: what is open to all is no secret.
// 3. No message holds a value.

import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../base/errors.ts";
import { SECRET_BYTES_MAX } from "../base/limits.ts";
import type { Secrets } from "../engine/ports.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const MODE_OF_OTHERS = 0o077;

/** Where secrets are looked for, in this order. */
export interface SecretSources {
  /** A directory with one file a secret; undefined: none. */
  readonly directory: string | undefined;
  /** The environment; `db-password` is HOLDFAST_SECRET_DB_PASSWORD. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Secrets from files and the environment; each call reads anew, so that a rotated secret is seen at once. */
export function createSecrets({ directory, env }: SecretSources): Secrets {
  return {
    value(name) {
      if (!NAME.test(name) || name.includes("..")) {
        throw new HoldfastError(
          "INVALID_ARGUMENT",
          "the name of a secret is 1 to 128 of A-Z, a-z, 0-9, _, - and single dots, and begins with a letter or a digit",
        );
      }
      const variable = variableOf(name);
      const value = (directory === undefined ? undefined : readSecret(join(directory, name), name)) ?? env[variable];
      if (value !== undefined) return value;
      const places = `${directory === undefined ? "" : `the file ${join(directory, name)} and `}the variable ${variable}`;
      throw new HoldfastError("NOT_FOUND", `there is no secret "${name}": looked for ${places} of the service`);
    },
  };
}

function variableOf(name: string): string {
  return `HOLDFAST_SECRET_${name.toUpperCase().replaceAll(/[.-]/g, "_")}`;
}

function readSecret(file: string, name: string): string | undefined {
  const handle = openSecret(file, name);
  if (handle === undefined) return undefined;
  try {
    const stat = fstatSync(handle);
    const { mode, size } = stat;
    if (!stat.isFile()) throw new HoldfastError("FAILED_PRECONDITION", `the secret "${name}" is no regular file: ${file}`);
    if ((mode & MODE_OF_OTHERS) !== 0) {
      throw new HoldfastError(
        "FAILED_PRECONDITION",
        `the file of the secret "${name}" is open to others than its owner; chmod 600 ${file}`,
      );
    }
    if (size > SECRET_BYTES_MAX)
      throw new HoldfastError("RESOURCE_EXHAUSTED", `the file of the secret "${name}" is larger than ${SECRET_BYTES_MAX} bytes`);
    return readFileSync(handle, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    throw new HoldfastError("FAILED_PRECONDITION", `the file of the secret "${name}" cannot be read: ${file}`, { cause });
  } finally {
    closeSync(handle);
  }
}

function openSecret(file: string, name: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new HoldfastError("FAILED_PRECONDITION", `the file of the secret "${name}" cannot be opened: ${file}`, { cause });
  }
}
