import { expect, test } from "vitest";
import { ReplyParser } from "./reply.ts";

/** Pushes a text in pieces of a size; tells all that was heard. */
const hear = (text: string, size: number): { readonly heard: readonly string[]; readonly parser: ReplyParser } => {
  const parser = new ReplyParser(100);
  const heard: string[] = [];
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += size) {
    const word = parser.push(bytes.subarray(at, at + size));
    if (word !== "nothing") heard.push(word);
    if (word === "noise") break;
  }
  return { heard, parser };
};

const TALK = "a banner\nnoise\nHOLDFAST1 ready\nHOLDFAST1 exited 3 11 2\nHOLDFAST1 x\ne\n";

test.each([1, 2, 7, 1_000])("an answer is the same in pieces of %i bytes", (size) => {
  const { heard, parser } = hear(TALK, size);
  expect(heard).toContain("reply");
  expect(parser.isReady).toBe(true);
  expect(parser.reply).toEqual({ kind: "exited", status: 3, stdout: Buffer.from("HOLDFAST1 x"), stderr: Buffer.from("\ne") });
});

test.each(["", " 7d1f0a52-0000-4000-8000-000000000001"])(
  "a shim says which boot it runs in, and is ready again as it was before (%j)",
  (boot) => {
    const { parser } = hear(`HOLDFAST1 ready${boot}\nHOLDFAST1 exited 0 0 0\nHOLDFAST1 ready${boot}\n`, 3);
    expect(parser.boot).toBe(boot.trim());
    expect(parser.isReadyAgain).toBe(true);
    const other = hear(`HOLDFAST1 ready${boot}\nHOLDFAST1 exited 0 0 0\nHOLDFAST1 ready another\n`, 3).parser;
    expect(other.isReadyAgain).toBe(false);
  },
);

test("an answer that is cut off anywhere is none", () => {
  const end = TALK.length - 1;
  for (let length = 0; length < end; length += 1) expect(hear(TALK.slice(0, length), 1_000).parser.reply).toBeUndefined();
});

test.each([
  ["HOLDFAST1 ready\nHOLDFAST1 exited x 0 0\n"],
  ["HOLDFAST1 ready\nHOLDFAST1 exited 0 9999 0\n"],
  ["HOLDFAST1 ready\nHOLDFAST1 exited 0 3 2x\nabcde"],
  ["HOLDFAST1 ready\nHOLDFAST1 exited 0\n"],
  ["HOLDFAST1 ready\nHOLDFAST1 voided x\n"],
  ["HOLDFAST1 ready\nHOLDFAST1 swept x\n"],
  ["HOLDFAST1 ready\nHOLDFAST1 whatever\n"],
  ["x".repeat(70_000)],
])("%#: what no shim says is noise", (text) => {
  expect(hear(text, 10_000).heard).toContain("noise");
});
