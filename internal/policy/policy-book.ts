// Every version of every policy that may be asked: those in force, the last good ones of broken files, and those that workflows pinned.
// 1. A broken file's last good version serves what runs. 2. A deleted file is in force no more; what was pinned under it stays known.
// 3. The revision moves whenever what is in force, or what is broken, changed.

import { POLICY_VERSIONS_MAX } from "../base/limits.ts";
import type { PolicyVersion } from "../engine/ports.ts";
import { readSource } from "./policy-directory.ts";
import type { PolicyListing, PolicyReading } from "./policy-directory.ts";
import type { BrokenFile, PinnedVersion, PoliciesInForce } from "./policy-set.ts";
import type { CompiledPolicy } from "./policy.ts";

/** A version that may be compiled later: most are never asked again. */
interface KnownVersion {
  readonly version: PolicyVersion;
  compiled: PolicyReading | undefined;
}

/** Keeps versions. */
export class PolicyBook {
  readonly #isConfigured: boolean;
  readonly #known = new Map<string, KnownVersion>();
  /** The last good version by file; what restore brought counts for files that were never whole since. */
  readonly #lastGood = new Map<string, CompiledPolicy>();
  readonly #restored = new Map<string, string>();
  #readings: readonly PolicyReading[] = [];
  #inForce: PoliciesInForce;
  /** What is wrong with the directory itself. */
  #fault = "";
  #print = "";
  #revision = 1;

  constructor(isConfigured: boolean) {
    this.#isConfigured = isConfigured;
    this.#inForce = { isConfigured, versions: [], broken: [] };
  }

  get revision(): number {
    return this.#revision;
  }

  get inForce(): PoliciesInForce {
    return this.#inForce;
  }

  /** The files as they were last read. */
  get readings(): readonly PolicyReading[] {
    return this.#readings;
  }

  /** The version that serves for a file, whole or broken. */
  servingOf(file: string): CompiledPolicy | undefined {
    return this.#lastGood.get(file);
  }

  /** Takes a new reading of all files; true when something changed. */
  take({ readings, fault }: PolicyListing): boolean {
    this.#readings = readings;
    this.#fault = fault;
    const files = new Set(readings.map(({ file }) => file));
    for (const file of this.#lastGood.keys()) if (!files.has(file)) this.#lastGood.delete(file);
    for (const { file, policy } of readings) {
      if (policy === undefined) continue;
      this.#lastGood.set(file, policy);
      this.#know({ name: policy.name, digest: policy.digest, file, source: policy.source }, { file, policy, fault: "" });
    }
    return this.#settle();
  }

  /** Makes versions of the past known, the oldest first; true when one of them serves a broken file now. */
  restore(versions: readonly PolicyVersion[]): boolean {
    for (const version of versions) {
      this.#know(version, undefined);
      this.#restored.set(version.file, version.digest);
    }
    return this.#settle();
  }

  /** A version that a workflow was submitted under. */
  pinned({ name, digest }: { readonly name: string; readonly digest: string }): PinnedVersion {
    const known = this.#known.get(digest);
    if (known === undefined) return { name, digest, policy: undefined, reason: "is not known any more" };
    const { policy, fault } = compiledOf(known);
    return { name, digest, policy, reason: policy === undefined ? `does not load any more: ${fault}` : "" };
  }

  #know(version: PolicyVersion, compiled: PolicyReading | undefined): void {
    const known = this.#known.get(version.digest);
    if (known !== undefined) {
      known.compiled ??= compiled;
      return;
    }
    // The oldest are forgotten: a workflow that pinned one of them is denied, which can be seen and mended.
    const [oldest] = this.#known.keys();
    if (this.#known.size >= POLICY_VERSIONS_MAX && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(version.digest, { version, compiled });
  }

  #settle(): boolean {
    for (const { file, policy } of this.#readings) {
      const digest = this.#restored.get(file);
      if (policy !== undefined || digest === undefined || this.#lastGood.has(file)) continue;
      const known = this.#known.get(digest);
      const restored = known === undefined ? undefined : compiledOf(known).policy;
      if (restored !== undefined) this.#lastGood.set(file, restored);
    }
    const versions = [...this.#lastGood.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
    const broken = this.#readings
      .filter(({ policy }) => policy === undefined)
      .map(({ file, fault }): BrokenFile => ({ file, fault, lastGood: this.#lastGood.get(file) }));
    // Nobody knows what else there is: new work is refused, and what runs goes on under the last versions.
    if (this.#fault !== "") broken.push({ file: "the directory of policies", fault: this.#fault, lastGood: undefined });
    const print = JSON.stringify([versions.map(({ file, digest }) => [file, digest]), broken.map(({ file, fault }) => [file, fault])]);
    if (print === this.#print) return false;
    this.#print = print;
    this.#revision++;
    this.#inForce = { isConfigured: this.#isConfigured, versions, broken };
    return true;
  }
}

function compiledOf(known: KnownVersion): PolicyReading {
  known.compiled ??= readSource(known.version.file, known.version.source);
  return known.compiled;
}
