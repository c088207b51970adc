import { expect, test } from "vitest";
import type { Doubt, Settlement } from "./recover.ts";
import { settleDoubt } from "./recover.ts";

const LOOKS = ["result", "absent", "unreachable", "none"] as const;
const CHECKS = ["converged", "as-before", "other", "unknowable", "failed"] as const;
const EFFECTS = ["idempotent", "unsafe"] as const;

const ALL: readonly Doubt[] = LOOKS.flatMap((look) =>
  CHECKS.flatMap((check) =>
    EFFECTS.flatMap((effects) =>
      [true, false].flatMap((isAtomic) =>
        [true, false].flatMap((hasRemoteId) =>
          [true, false].map((isRestored) => ({ look, check, effects, isAtomic, hasRemoteId, isRestored })),
        ),
      ),
    ),
  ),
);

/** The table in words, written a second time: the first row that fits counts. */
function expected({ look, check, effects, isAtomic, hasRemoteId, isRestored }: Doubt): Settlement {
  if (look === "result") return "take-result";
  if (look === "unreachable") return "hold";
  if (hasRemoteId) return "apply-again";
  if (check === "converged") return "done";
  if (isRestored && effects === "unsafe") return "hold";
  if (check === "as-before") return "apply-again";
  if (check === "other") return isAtomic ? "foreign-change" : effects === "unsafe" ? "hold" : "apply-again";
  return check === "unknowable" && effects === "idempotent" ? "apply-again" : "hold";
}

test.each(ALL)(
  "a doubt is settled by looking: $look, $check, $effects, atomic $isAtomic, remote ID $hasRemoteId, restored $isRestored",
  (doubt) => {
    expect(settleDoubt(doubt)).toBe(expected(doubt));
  },
);

test("an unsafe apply is done again only when it is known not to have been done", () => {
  const again = ALL.filter((doubt) => doubt.effects === "unsafe" && !doubt.hasRemoteId && settleDoubt(doubt) === "apply-again");
  expect(again.every((doubt) => doubt.check === "as-before" && !doubt.isRestored)).toBe(true);
});
