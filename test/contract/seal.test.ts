import { renameSync } from "node:fs";
import { join } from "node:path";
import { sealKey } from "../../cmd/holdfastd/seal-key.ts";
import { makeSeal } from "../../internal/system/seal.ts";
import { fakeSeal } from "../fakes/fake-seal.ts";
import type { KeptKey } from "../fakes/fake-seal.ts";
import { temporaryDirectory } from "../fakes/temp-directory.ts";
import { sealContract } from "./seal-contract.ts";

sealContract("the key of a data directory", () => {
  const data = temporaryDirectory();
  const [path, away] = [join(data, "seal.key"), join(data, "away")];
  return {
    life: () => makeSeal(sealKey(data)),
    lose() {
      renameSync(path, away);
      return () => renameSync(away, path);
    },
  };
});

sealContract("the key of a test", () => {
  const kept: KeptKey = { key: undefined };
  return {
    life: () => fakeSeal(kept),
    lose() {
      const { key } = kept;
      kept.key = undefined;
      return () => (kept.key = key);
    },
  };
});
