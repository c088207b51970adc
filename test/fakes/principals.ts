// Who asks, in tests.
// 1. The tester may do everything; rights are the API's matter, and tested there.

import type { Principal } from "../../internal/engine/face.ts";

/** Who asks unless a test says otherwise. */
export const TESTER: Principal = { name: "tester", roles: ["admin"] };

/** An operator with no roles of her own. */
export const ANN: Principal = { name: "ann", roles: [] };
