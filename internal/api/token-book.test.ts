import { expect, test } from "vitest";
import { MemoryTokens } from "../../test/fakes/api-server.ts";
import { FakeClock } from "../../test/fakes/fake-clock.ts";
import { HoldfastError } from "../base/errors.ts";
import { TOKENS_MAX, TOKEN_LIFETIME_MS_MAX } from "../base/limits.ts";
import { TokenBook } from "./token-book.ts";
import type { NewToken } from "./token-book.ts";
import { parseTokens, writeTokens } from "./token-record.ts";

const DAY_MS = 86_400_000;

function open(clock = new FakeClock(), store = new MemoryTokens()) {
  return { clock, store, book: new TokenBook(store, clock) };
}

function aToken(fields: Partial<NewToken> = {}): NewToken {
  return { name: "ci", roles: ["submitter"], namespaces: [], isCertificate: false, lifetimeMs: undefined, ...fields };
}

test("a token is known by its secret, of which only the hash is kept, over a restart too", () => {
  const { clock, store, book } = open();
  const { secret, record } = book.create("admin", aToken({ roles: ["viewer", "approver:sre", "viewer"], namespaces: ["b", "a", "b"] }));
  expect(secret).toMatch(/^hft_[A-Za-z0-9_-]{43}$/);
  expect([record.roles, record.namespaces]).toEqual([
    ["approver:sre", "viewer"],
    ["a", "b"],
  ]);
  const text = writeTokens(store.records);
  expect(text).not.toContain(secret.slice(4));
  const again = new TokenBook({ read: () => parseTokens(text), write: () => undefined }, clock);
  expect(again.bySecret(secret)?.record).toEqual(record);
  expect(again.bySecret(`${secret}x`)).toBeUndefined();
  expect(again.bySecret("")).toBeUndefined();
});

test("a token is neither good nor gone before the store has it, and what the store refuses has not happened", () => {
  const { store, book } = open();
  const full = new HoldfastError("FAILED_PRECONDITION", "the disk is full");
  store.failure = full;
  expect(() => book.create("admin", aToken())).toThrow(full);
  expect(book.list()).toEqual([]);
  const { secret } = book.create("admin", aToken());
  store.failure = full;
  expect(() => book.revoke("ci")).toThrow(full);
  expect(book.bySecret(secret)?.record.name).toBe("ci");
  book.revoke("ci");
  expect(book.bySecret(secret)).toBeUndefined();
  expect(() => book.revoke("ci")).toThrow(/there is no token "ci"/);
});

test("names are unique whatever the case of their letters, and admin is not to be had", () => {
  const { book } = open();
  book.create("admin", aToken({ name: "Amy" }));
  expect(() => book.create("admin", aToken({ name: "amy" }))).toThrow(/there is a token "Amy", which differs .* case of letters/);
  expect(() => book.create("admin", aToken({ name: "ADMIN" }))).toThrow(/choose another name/);
  expect(() => book.revoke("amy")).toThrow(/there is no token "amy"/);
});

test("an expired token is known as such, ends its calls on time, and leaves its name to another", () => {
  const { clock, book } = open();
  const ended: string[] = [];
  const { record, secret } = book.create("admin", aToken({ lifetimeMs: 90 * DAY_MS }));
  book.bySecret(secret)?.onEnd((why) => ended.push(why));
  const stop = book.bySecret(secret)?.onEnd(() => ended.push("stopped listening"));
  stop?.();
  clock.advance(90 * DAY_MS - 1);
  expect([book.hasExpired(record), ended]).toEqual([false, []]);
  expect(() => book.create("admin", aToken())).toThrow(/there is a token "ci"/);
  clock.advance(1);
  expect([book.hasExpired(record), ended]).toEqual([true, ["the token has expired"]]);
  const next = book.create("admin", aToken());
  expect(next.secret).not.toBe(secret);
  expect(book.bySecret(secret)).toBeUndefined();
  expect(book.list()).toHaveLength(1);
});

test("as many tokens as there may be, and not one more", () => {
  const { store, book } = open();
  const record = book.create("admin", aToken()).record;
  const proof = (index: number) => ({ kind: "secret" as const, sha256: index.toString(16).padStart(64, "0") });
  store.records = Array.from({ length: TOKENS_MAX - 1 }, (_, index) => ({ ...record, name: `t${index}`, proof: proof(index) }));
  const full = new TokenBook(store, new FakeClock());
  full.create("admin", aToken({ name: "last" }));
  expect(() => full.create("admin", aToken({ name: "surplus" }))).toThrow(/revoke some/);
  expect(parseTokens(writeTokens(store.records))).toHaveLength(TOKENS_MAX);
});

test("what could not be read back from disk is not made", () => {
  const { store, book } = open();
  for (const wanted of [
    { name: "a/b" },
    { name: "x".repeat(65) },
    { roles: [] },
    { roles: [`approver:${"r".repeat(65)}`] },
    { namespaces: ["A"] },
  ]) {
    expect(() => book.create("admin", aToken(wanted))).toThrow(/tokens\[0\]/);
  }
  book.create("admin", aToken({ name: "x".repeat(64), roles: [`approver:${"r".repeat(64)}`], namespaces: ["n".repeat(64)] }));
  expect(parseTokens(writeTokens(store.records))).toEqual(store.records);
});

test("the admin role is not bound to namespaces, and a lifetime has bounds", () => {
  const { book } = open();
  expect(() => book.create("admin", aToken({ roles: ["admin"], namespaces: ["a"] }))).toThrow(/cannot be bound to namespaces/);
  for (const lifetimeMs of [0, -1, TOKEN_LIFETIME_MS_MAX + 1]) {
    expect(() => book.create("admin", aToken({ lifetimeMs }))).toThrow(/lifetime/);
  }
  book.create("admin", aToken({ lifetimeMs: TOKEN_LIFETIME_MS_MAX }));
});

test("a certificate's name counts to the letter, and a token with a secret is not had by certificate", () => {
  const { book } = open();
  const { secret } = book.create("admin", aToken({ name: "Bot-1", isCertificate: true }));
  book.create("admin", aToken({ name: "other" }));
  expect(secret).toBe("");
  expect(book.byCertificate("Bot-1")?.record.name).toBe("Bot-1");
  for (const name of ["bot-1", "Bot-1 ", "other", "admin", ""]) expect(book.byCertificate(name)).toBeUndefined();
  expect(book.bySecret("")).toBeUndefined();
});

test("a damaged file is refused with the place, never read as fewer tokens", () => {
  const { store, book } = open();
  book.create("admin", aToken());
  const text = writeTokens(store.records);
  const damaged: [string, RegExp][] = [
    ["", /no JSON/],
    [text.slice(0, -10), /no JSON/],
    ["[]", /no JSON object/],
    ["{}", /version/],
    [text.replace('"version": 2', '"version": 3'), /version: must be 1 or 2: a newer/],
    [text.replace('"submitter"', '"root"'), /tokens\[0\]\.roles/],
    [text.replace('"submitter"', ""), /tokens\[0\]\.roles: names no role/],
    [text.replace('"sha256"', '"md5"'), /tokens\[0\]: holds a field/],
    [text.replace(/"sha256": "\w+"/, '"sha256": "00"'), /sha256, 64 hex digits/],
    [text.replace('"ci"', '"admin"'), /tokens\[0\]\.name/],
    [text.replace('"namespaces": []', '"namespaces": "a"'), /tokens\[0\]\.namespaces/],
    [text.replace('"namespaces": []', '"namespaces": [], "expiresAtMs": "never"'), /expiresAtMs/],
  ];
  for (const [content, message] of damaged) expect(() => parseTokens(content), content).toThrow(message);
  expect(parseTokens(text)).toEqual(store.records);
});

test("a change that leaves the file's form whole is seen by its sum", () => {
  const { store, book } = open();
  book.create("admin", aToken({ lifetimeMs: DAY_MS }));
  const text = writeTokens(store.records);
  const hash = /"sha256": "(\w)/.exec(text)?.[1] === "0" ? "1" : "0";
  const changed: [string, RegExp][] = [
    [text.replace(/"sha256": "\w/, `"sha256": "${hash}`), /sum: is not that/],
    [text.replace(/"expiresAtMs": (\d+)/, '"expiresAtMs": 9$1'), /sum: is not that/],
    [text.replace('"submitter"', '"operator"'), /sum: is not that/],
    [text.replace('"ci"', '"cj"'), /sum: is not that/],
    [text.replace(/,\n "sum": "\w+"/, ""), /sum: is not that/],
    [text.replace('"sum"', '"sun"'), /holds a field/],
    [text.replace('"version": 2', '"version": 1'), /holds a field/],
  ];
  for (const [content, message] of changed) {
    expect(content).not.toBe(text);
    expect(() => parseTokens(content), content).toThrow(message);
  }
});

test("a file of before there was a sum is read, and gets one at its next write", () => {
  const { store, book } = open();
  book.create("admin", aToken());
  const text = writeTokens(store.records);
  const older = text.replace('"version": 2', '"version": 1').replace(/,\n "sum": "\w+"/, "");
  expect(older).not.toContain("sum");
  expect(parseTokens(older)).toEqual(store.records);
  expect(writeTokens(parseTokens(older))).toBe(text);
});
