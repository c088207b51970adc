// A service without sinks.

import type { Sinks } from "../../internal/engine/ports.ts";

/** None; every test event is taken. */
export const NO_SINKS: Sinks = { list: () => ({ sinks: [], fault: "" }), test: async () => "" };
