// What every seal promises.

import { describe, expect, test } from "vitest";
import { AssertionError } from "../../internal/base/assert.ts";
import { HoldfastError } from "../../internal/base/errors.ts";
import type { Seal } from "../../internal/engine/ports.ts";
import { anId } from "../fakes/journal-entries.ts";

/** What keeps the key from one life to the next. */
export interface SealDirectory {
  /** The seal of another life. */
  life(): Seal;
  /** Somebody takes the key away; gives what puts it back. */
  lose(): () => void;
}

/** Runs the contract on a seal; each directory is a new one. */
export function sealContract(name: string, make: () => SealDirectory): void {
  describe(name, () => {
    const macIn = (directory: SealDirectory, text: string): string => {
      const seal = directory.life();
      seal.open([anId(1)]);
      return Buffer.from(seal.mac(text)).toString("hex");
    };
    const begun = (): SealDirectory => {
      const directory = make();
      directory.life().open([]); // a first start, at which nothing was handed out
      return directory;
    };
    const refusalOf = (work: () => void): unknown => {
      try {
        work();
      } catch (error) {
        return error instanceof HoldfastError ? error.code : error;
      }
      return undefined;
    };

    test("a text is sealed with 32 bytes, the same ones in every life", () => {
      const directory = begun();
      const mac = macIn(directory, "a text");
      expect(mac).toMatch(/^[0-9a-f]{64}$/);
      expect(macIn(directory, "a text")).toBe(mac);
    });

    test("another text, and another directory's key, give other bytes", () => {
      const directory = begun();
      const macs = ["a", "b", "", "a ", "a\0", "ä"].map((text) => macIn(directory, text));
      expect(new Set([...macs, macIn(begun(), "a")]).size).toBe(macs.length + 1);
    });

    test("a key that is gone stops the start while somebody may hold what it sealed; nothing is made in its place, and with it all is as before", () => {
      const directory = begun();
      const mac = macIn(directory, "a text");
      const bringBack = directory.lose();
      for (let start = 0; start < 2; start++)
        expect(refusalOf(() => directory.life().open([anId(1), anId(2)]))).toBe("FAILED_PRECONDITION");
      bringBack();
      expect(macIn(directory, "a text")).toBe(mac);
    });

    test("a key that is gone is made anew where nobody holds what it sealed, and is another one", () => {
      const directory = begun();
      const mac = macIn(directory, "a text");
      directory.lose();
      directory.life().open([]);
      expect(macIn(directory, "a text")).not.toBe(mac);
    });

    test("nothing is sealed before the key is there", () => {
      expect(refusalOf(() => make().life().mac("a text"))).toBeInstanceOf(AssertionError);
    });
  });
}
