// The service's entry: nothing but the start, so that tests can start the same program with other adapters.
// 1. Nothing else in cmd/holdfastd runs when it is imported.

import { runProgram } from "./program.ts";

await runProgram({});
