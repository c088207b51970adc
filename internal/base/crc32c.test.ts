import { expect, test } from "vitest";
import { crc32c } from "./crc32c.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

test.each([
  ["the standard check value", ascii("123456789"), 0xe3069283],
  ["32 zeroes (RFC 3720, B.4)", new Uint8Array(32), 0x8a9136aa],
  ["32 ones (RFC 3720, B.4)", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 bytes counting up (RFC 3720, B.4)", Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
  ["nothing", new Uint8Array(0), 0],
])("CRC32C of %s", (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

test("a sum over pieces is the sum over the whole, wherever it is cut", () => {
  const whole = Uint8Array.from({ length: 100 }, (_, at) => (at * 7) & 0xff);
  for (let cut = 0; cut <= whole.length; cut++) {
    expect(crc32c(whole.subarray(cut), crc32c(whole.subarray(0, cut)))).toBe(crc32c(whole));
  }
});
