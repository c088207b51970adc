import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMomentMs } from "./moment.ts";

test("moments are what the standard library says they are", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true }), (date) => {
      expect(parseMomentMs(date.toISOString())).toBe(date.getTime());
    }),
  );
  expect(parseMomentMs("2027-03-01T04:00:00+05:30")).toBe(Date.parse("2027-03-01T04:00:00+05:30"));
});

test.each([
  "2027-03-01",
  "2027-03-01T04:00:00",
  "2027-13-01T00:00:00Z",
  "2025-02-29T00:00:00Z",
  "2027-03-01T24:00:00Z",
  "2027-03-01T00:00:00+99:00",
])("%s is no moment", (text) => expect(parseMomentMs(text)).toBeUndefined());
