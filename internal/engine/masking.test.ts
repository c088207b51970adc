import { expect, test } from "vitest";
import { Masking } from "./masking.ts";

const PEM = "-----BEGIN KEY-----\nMIISECRETLINE1\nline two\n}";
const masking = new Masking(["hunter2-long", "hunter2", "", "12345"]);

test.each([
  ["a secret", "the password is hunter2!", "the password is ***!"],
  ["a secret that contains another", "x hunter2-long y", "x *** y"],
  ["several", "hunter2hunter2", "******"],
  ["the beginning of one at a cut end", "it is hunte", "it is ***"],
  ["the end of one at a cut start", "nter2 was it", "*** was it"],
  ["a piece too short to tell", "a hun", "a hun"],
  ["nothing", "nothing", "nothing"],
])("%s in a text is hidden as it should be", (_, text, masked) => {
  expect(masking.text(text)).toBe(masked);
});

test("JSON is masked in keys, strings and numbers, at any depth", () => {
  expect(masking.json({ a: ["hunter2", { hunter2: 12345 }], b: null, c: 7, d: true })).toEqual({
    a: ["***", { "***": "***" }],
    b: null,
    c: 7,
    d: true,
  });
});

test("without secrets nothing is copied", () => {
  const value = { a: 1 };
  expect(new Masking([]).json(value)).toBe(value);
});

test.each([
  ["in a diff, line by line", "@@\n+-----BEGIN KEY-----\n+MIISECRETLINE1\n+line two\n+}\n", "@@\n+***\n+***\n+***\n+}\n"],
  ["indented", "  MIISECRETLINE1\n  line two", "  ***\n  ***"],
  ["its last line alone", "error: line two", "error: ***"],
  ["as JSON writes it", String.raw`{"x":"-----BEGIN KEY-----\nMIISECRETLINE1\nline two\n}"}`, '{"x":"***"}'],
  ["in base64", Buffer.from(PEM).toString("base64"), "***"],
  ["in a URL", `?key=${encodeURIComponent(PEM)}`, "?key=***"],
])("a secret of several lines is hidden %s", (_, text, masked) => {
  expect(new Masking([PEM]).text(text)).toBe(masked);
});
