// How much garbage V8 may let stand in the service's heap. By itself it lets the heap grow to four times what is live before it looks, and a
// service that holds 300 MiB then takes more than a gigabyte.
// 1. It is set once, before anything is opened, and holds for all threads of the process.

import { setFlagsFromString } from "node:v8";
import { HEAP_GROWTH_PERCENT_MAX } from "../../internal/base/limits.ts";

/** From here on the heap is collected when it has grown by HEAP_GROWTH_PERCENT_MAX of what was live. */
export function boundGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT_MAX}`);
}
