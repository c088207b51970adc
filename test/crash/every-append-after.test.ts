// kill -9 at every append of a scan-and-fix, after the entry is on disk: see every-append.ts.

import { test } from "vitest";
import { killAtEveryAppend } from "./every-append.ts";

test("killed at every append, after it is on disk, the workflow ends as if nothing had happened", { timeout: 600_000 }, async () => {
  await killAtEveryAppend("after");
});
