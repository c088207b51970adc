// The tokens of the service: who bears which roles, and the end of each. In memory what is on disk (the port TokenStore), and nothing else.
// 1. Disk first: a token is good, or revoked, only after the store has written it; what the store refuses has not happened.
// 2. The end of a token, by revocation or its time, reaches every call of it that is open: each hears it once.

import { hash, randomBytes } from "node:crypto";
import { HoldfastError } from "../base/errors.ts";
import { TOKENS_MAX, TOKENS_SWEEP_MS, TOKEN_LIFETIME_MS_MAX } from "../base/limits.ts";
import type { Clock } from "../engine/ports.ts";
import { roleKind } from "./rights.ts";
import type { TokenRecord } from "./token-record.ts";
import { ADMIN_NAME, nameKey, parseTokens, writeTokens } from "./token-record.ts";

/** Where tokens are kept. Synchronous: between its write and the change in memory nothing else may happen. */
export interface TokenStore {
  /** Throws FAILED_PRECONDITION for what cannot be read as tokens; nothing there is no tokens. */
  read(): readonly TokenRecord[];
  /** Returns when all of it is on disk; a HoldfastError means that nothing changed. */
  write(records: readonly TokenRecord[]): void;
}

/** What a new token shall be. */
export interface NewToken {
  readonly name: string;
  readonly roles: readonly string[];
  readonly namespaces: readonly string[];
  readonly isCertificate: boolean;
  /** Undefined: until it is revoked. */
  readonly lifetimeMs: number | undefined;
}

/** A token that was not revoked, and a way to hear of its end. */
export interface LiveToken {
  readonly record: TokenRecord;
  /** Calls back once, with why, when the token ends; returns the way to stop that. */
  onEnd(listener: (why: string) => void): () => void;
}

/** Begins every secret, so that a scanner for leaked secrets can know one. */
const SECRET_PREFIX = "hft_";
const SECRET_BYTES = 32;

interface Entry extends LiveToken {
  readonly listeners: Set<(why: string) => void>;
}

/** The book. `close()` lets go of its timer. */
export class TokenBook {
  readonly #store: TokenStore;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #byHash = new Map<string, Entry>();
  #cancelSweep: () => void = () => undefined;

  constructor(store: TokenStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    for (const record of store.read()) this.#put(record);
    this.#sweep();
  }

  /** The token of a secret, which may have expired. Found by its hash, of which nobody can choose a part: no time that this takes tells anything. */
  bySecret(secret: string): LiveToken | undefined {
    return this.#byHash.get(hashOf(secret));
  }

  /** The token that stands for a certificate whose CN is the name, to the letter; it may have expired. */
  byCertificate(commonName: string): LiveToken | undefined {
    const entry = this.#entries.get(nameKey(commonName));
    return entry?.record.name === commonName && entry.record.proof.kind === "certificate" ? entry : undefined;
  }

  /** All tokens by name, the expired ones too. */
  list(): readonly TokenRecord[] {
    return [...this.#entries.values()].map(({ record }) => record).toSorted((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** True from the token's time on. */
  hasExpired({ expiresAtMs }: TokenRecord): boolean {
    return expiresAtMs !== undefined && this.#clock.nowMs() >= expiresAtMs;
  }

  /** Makes a token; the secret is empty for a certificate, and else kept nowhere. */
  create(by: string, wanted: NewToken): { readonly record: TokenRecord; readonly secret: string } {
    this.#check(wanted);
    const { name, isCertificate, lifetimeMs } = wanted;
    const secret = isCertificate ? "" : `${SECRET_PREFIX}${randomBytes(SECRET_BYTES).toString("base64url")}`;
    const nowMs = this.#clock.nowMs();
    const record: TokenRecord = {
      name,
      roles: [...new Set(wanted.roles)].toSorted(),
      namespaces: [...new Set(wanted.namespaces)].toSorted(),
      proof: isCertificate ? { kind: "certificate" } : { kind: "secret", sha256: hashOf(secret) },
      createdAtMs: nowMs,
      createdBy: by,
      expiresAtMs: lifetimeMs === undefined ? undefined : nowMs + lifetimeMs,
    };
    parseTokens(writeTokens([record])); // what could not be read back would stop the next start: it is refused here
    this.#store.write([...this.#others(name), record]);
    this.#end(name, "the token has expired");
    this.#put(record);
    this.#sweep();
    return { record, secret };
  }

  /** Ends a token; throws NOT_FOUND. */
  revoke(name: string): TokenRecord {
    const entry = this.#entries.get(nameKey(name));
    if (entry?.record.name !== name)
      throw new HoldfastError("NOT_FOUND", `there is no token "${name}"; "holdfast token list" shows those there are`);
    this.#store.write(this.#others(name));
    this.#end(name, "the token was revoked");
    return entry.record;
  }

  /** Lets go of the timer. */
  close(): void {
    this.#cancelSweep();
  }

  #others(name: string): readonly TokenRecord[] {
    return this.list().filter((record) => nameKey(record.name) !== nameKey(name));
  }

  #check({ name, roles, namespaces, lifetimeMs }: NewToken): void {
    const refuse = (message: string): HoldfastError => new HoldfastError("INVALID_ARGUMENT", message);
    if (nameKey(name) === ADMIN_NAME) throw refuse('name: "admin" is the principal of the file admin.token; choose another name');
    if (namespaces.length > 0 && roles.some((role) => roleKind(role) === "admin"))
      throw refuse("namespaces: the role admin is of the whole service and cannot be bound to namespaces; choose other roles");
    if (lifetimeMs !== undefined && (lifetimeMs < 1 || lifetimeMs > TOKEN_LIFETIME_MS_MAX))
      throw refuse("lifetime: must be at least a millisecond, and at most 3,650 days");
    const found = this.#entries.get(nameKey(name));
    if (found !== undefined && !this.hasExpired(found.record)) {
      const like = found.record.name === name ? "" : `, which differs from "${name}" in the case of letters alone`;
      throw new HoldfastError(
        "ALREADY_EXISTS",
        `there is a token "${found.record.name}"${like}; choose another name, or end it with: holdfast token revoke ${found.record.name}`,
      );
    }
    if (found === undefined && this.#entries.size >= TOKENS_MAX)
      throw new HoldfastError(
        "RESOURCE_EXHAUSTED",
        `there are ${TOKENS_MAX} tokens, which is the most there can be; revoke some, "holdfast token list" shows which have expired`,
      );
  }

  #put(record: TokenRecord): void {
    const listeners = new Set<(why: string) => void>();
    const onEnd = (listener: (why: string) => void): (() => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    const entry: Entry = { record, listeners, onEnd };
    this.#entries.set(nameKey(record.name), entry);
    if (record.proof.kind === "secret") this.#byHash.set(record.proof.sha256, entry);
  }

  #end(name: string, why: string): void {
    const entry = this.#entries.get(nameKey(name));
    if (entry === undefined) return;
    this.#entries.delete(nameKey(name));
    if (entry.record.proof.kind === "secret") this.#byHash.delete(entry.record.proof.sha256);
    tellEnd(entry, why);
  }

  /** Tells the calls of what has expired, and looks again when the next one does: once a minute at least, for the wall clock may be set. */
  #sweep(): void {
    this.#cancelSweep();
    const nowMs = this.#clock.nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      const { expiresAtMs } = entry.record;
      if (expiresAtMs === undefined) continue;
      if (expiresAtMs > nowMs) nextMs = Math.min(nextMs, expiresAtMs);
      else tellEnd(entry, "the token has expired");
    }
    if (nextMs === Number.POSITIVE_INFINITY) this.#cancelSweep = () => undefined;
    else this.#cancelSweep = this.#clock.after(Math.min(nextMs - nowMs, TOKENS_SWEEP_MS), () => this.#sweep());
  }
}

function tellEnd({ listeners }: Entry, why: string): void {
  for (const listener of listeners) {
    listeners.delete(listener);
    listener(why);
  }
}

function hashOf(secret: string): string {
  return hash("sha256", secret);
}
