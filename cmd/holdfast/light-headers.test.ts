import { expect, test } from "vitest";
import { Headers as LightHeaders } from "./light-headers.ts";

interface Both extends Pick<Headers, "append" | "delete" | "get" | "has" | "set">, Iterable<[string, string]> {
  forEach(callback: (value: string, name: string) => void): void;
}

const STEPS: readonly (readonly [what: string, step: (headers: Both) => unknown])[] = [
  ["get, of another case", (headers) => headers.get("CONTENT-type")],
  ["get of what is not there", (headers) => headers.get("x-none")],
  ["has", (headers) => [headers.has("User-Agent"), headers.has("x-none")]],
  ["append to a field", (headers) => headers.append("Accept", " b\t")],
  ["append a new field", (headers) => headers.append("X-New", "1")],
  ["set over two values", (headers) => headers.set("ACCEPT", "c ")],
  ["delete", (headers) => headers.delete("X-new")],
  ["an empty value", (headers) => headers.set("x-empty", "")],
  ["append to an empty value", (headers) => headers.append("x-empty", "1")],
];

test.each([
  ["nothing", undefined],
  ["a record", { "User-Agent": "u", "content-type": " application/proto " }],
  [
    "pairs with a name twice",
    [
      ["b", "1"],
      ["A", "2"],
      ["B", "3"],
    ] satisfies [string, string][],
  ],
])("made from %s, it does as Node's own", (_what, init) => {
  const [light, own]: readonly [Both, Both] = [new LightHeaders(init), new Headers(init)];
  for (const [what, step] of STEPS) {
    expect(step(light), what).toEqual(step(own));
    expect([...light], what).toEqual([...own]);
  }
  const seen = (headers: Both): string[] => {
    const said: string[] = [];
    headers.forEach((value, name) => said.push(`${name}: ${value}`));
    return said;
  };
  expect(seen(light)).toEqual(seen(own));
});

test("it is copied from Node's own and from itself", () => {
  const pairs: [string, string][] = [
    ["b", "1"],
    ["a", "2"],
  ];
  expect([...new LightHeaders(new Headers(pairs))]).toEqual([...new Headers(pairs)]);
  expect([...new LightHeaders(new LightHeaders(pairs))]).toEqual([...new Headers(pairs)]);
  expect([...new LightHeaders(pairs).keys(), ...new LightHeaders(pairs).values(), ...new LightHeaders(pairs).entries()]).toEqual([
    "a",
    "b",
    "2",
    "1",
    ["a", "2"],
    ["b", "1"],
  ]);
});
