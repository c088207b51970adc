import { expect, test } from "vitest";
import { FakeStopFile } from "../../test/fakes/fake-stop-file.ts";
import type { StopLook } from "./ports.ts";
import { StopLooks } from "./stop-looks.ts";

/** A file that counts the looks at it. */
class CountedFile extends FakeStopFile {
  looks = 0;

  override look(): StopLook {
    this.looks += 1;
    return super.look();
  }
}

const PRESENT: StopLook = { kind: "present", path: "/data/FREEZE" };

test("turns of one go of the event loop share a look, and the next go looks again", async () => {
  const file = new CountedFile();
  const looks = new StopLooks(file);
  expect([looks.shared().kind, looks.shared().kind, file.looks]).toEqual(["absent", "absent", 1]);
  file.set(PRESENT);
  await Promise.resolve();
  expect([looks.shared().kind, file.looks]).toEqual(["present", 2]);
});

test("what is about to change something looks for itself, whatever was seen a moment ago", () => {
  const file = new CountedFile();
  const looks = new StopLooks(file);
  expect(looks.shared().kind).toBe("absent");
  file.set(PRESENT);
  expect(looks.now().kind).toBe("present");
});
