// How deep protobuf messages lie within each other where a JSON value lies in them.
// 1. The library alone gives up at 100, and an object within an object is two of them: it would write what it cannot read again, and what was
//    acknowledged would be lost (H1).

import { JSON_DEPTH_MAX } from "./limits.ts";

/** Messages within each other: a Struct and a Value for each level, and as much again for what such a value is put into. */
export const MESSAGE_DEPTH_MAX = 4 * JSON_DEPTH_MAX;
