import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { HoldfastError } from "../base/errors.ts";
import { createSecrets } from "./secrets.ts";

function aDirectory(files: Readonly<Record<string, string>>): string {
  const base = mkdtempSync(join(tmpdir(), "holdfast-secrets-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const directory = join(base, "secrets");
  mkdirSync(directory);
  writeFileSync(join(base, "outside"), "outside", { mode: 0o600 });
  for (const [name, value] of Object.entries(files)) writeFileSync(join(directory, name), value, { mode: 0o600 });
  return directory;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof HoldfastError ? error.code : "another error";
  }
  return "none";
}

test("a secret is its file without the last newline, read anew each time", () => {
  const directory = aDirectory({ "db-password": "hush\n\n", empty: "" });
  const secrets = createSecrets({ directory, env: { HOLDFAST_SECRET_DB_PASSWORD: "other" } });
  expect(secrets.value("db-password")).toBe("hush\n");
  expect(secrets.value("empty")).toBe("");
  writeFileSync(join(directory, "db-password"), "rotated");
  expect(secrets.value("db-password")).toBe("rotated");
});

test("where there is no file, the environment is asked", () => {
  const secrets = createSecrets({ directory: aDirectory({}), env: { HOLDFAST_SECRET_DB_PASSWORD: "hush" } });
  expect(secrets.value("db-password")).toBe("hush");
  expect(createSecrets({ directory: undefined, env: { HOLDFAST_SECRET_A: "a" } }).value("a")).toBe("a");
});

test("a secret that is nowhere is named, with the places that were looked at", () => {
  const secrets = createSecrets({ directory: "/no/such/directory", env: {} });
  expect(() => secrets.value("db.key")).toThrow(
    'there is no secret "db.key": looked for the file /no/such/directory/db.key and the variable HOLDFAST_SECRET_DB_KEY',
  );
});

test("a file that others can read is refused, and so is what is no file", () => {
  const directory = aDirectory({ open: "x" });
  chmodSync(join(directory, "open"), 0o640);
  mkdirSync(join(directory, "place"), { mode: 0o700 });
  const secrets = createSecrets({ directory, env: {} });
  expect(codeOf(() => secrets.value("open"))).toBe("FAILED_PRECONDITION");
  expect(codeOf(() => secrets.value("place"))).toBe("FAILED_PRECONDITION");
});

test.each(["../outside", "..", ".hidden", "a/b", "", "a\0b", "a..b", "x".repeat(129)])(
  "the name %j gets no further than its pattern",
  (name) => {
    expect(codeOf(() => createSecrets({ directory: aDirectory({}), env: {} }).value(name))).toBe("INVALID_ARGUMENT");
  },
);
