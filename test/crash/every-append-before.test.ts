// kill -9 at every append of a scan-and-fix, before the entry is on disk: see every-append.ts.

import { test } from "vitest";
import { killAtEveryAppend } from "./every-append.ts";

test("killed at every append, before it is on disk, the workflow ends as if nothing had happened", { timeout: 600_000 }, async () => {
  await killAtEveryAppend("before");
});
