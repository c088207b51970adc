import { expect, test } from "vitest";
import { parseDurationMs } from "./duration.ts";

test.each<readonly [string, number | undefined]>([
  ["90s", 90_000],
  ["1.5s", 1_500],
  ["1.5h", 5_400_000],
  ["250ms", 250],
  ["0ms", 0],
  ["5m", 300_000],
  ["1h30m", 5_400_000],
  ["1m500ms", 60_500],
  ["3d", 259_200_000],
  ["30d", 2_592_000_000],
  ["2592000000ms", 2_592_000_000],
  ["30d1ms", undefined],
  ["31d", undefined],
  ["", undefined],
  ["90", undefined],
  ["s", undefined],
  ["1 h", undefined],
  ["30m1h", undefined],
  ["1h1h", undefined],
  ["1.0001s", undefined],
  ["-1s", undefined],
])("the duration %j is %s ms", (text, expected) => expect(parseDurationMs(text)).toBe(expected));
