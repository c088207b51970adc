import { expect, test } from "vitest";
import { compile } from "./program.ts";

function check(source: string, expected: unknown) {
  expect({ source, value: compile(source, { place: "p", names: [] }).evaluate({}) }).toEqual({ source, value: expected });
}

test("operators keep CEL's meaning for the types that we handle ourselves", () => {
  check("'a' < 'b' && !('b' <= 'a') && 2 > 1 && 1 >= 1 && 1.5 < 2 && 1u < 2u && b'a' < b'b'", true);
  check("'ab' + 'c' == 'abc' && [1] + [2] == [1, 2] && 1 + 1 == 2 && 1u + 1u == 2u", true);
  check("timestamp('2026-01-05T10:00:00Z') - timestamp('2026-01-05T09:00:00Z') == duration('1h')", true);
  check("{'a': [1, {'b': 2.0}]} == {'a': [1.0, {'b': 2}]}", true);
  check("{'a': 1} != {'a': 2} && [1] != [1, 2] && dyn(1) != '1' && dyn(null) != false && 0.0 / 0.0 != 0.0 / 0.0", true);
  check("1 in [1.0] && 'k' in {'k': null} && dyn(1u) in {1: 2} && !(2 in [1])", true);
  check("type(1) == int && type(duration('1s')) == google.protobuf.Duration && type([]) == list", true);
  check("-3 + 5 - 1 * 2 % 3", 0);
});

test("size counts code points, elements and keys", () => {
  check("[size('é😀'), 'é😀'.size(), size([1, 2]), {'a': 1}.size(), size(b'abc')]", [2, 2, 2, 1, 3]);
});

test("string extensions work", () => {
  check("'A-b'.lowerAscii() + 'c'.upperAscii() + ' x '.trim() + 'abc'.substring(1, 2)", "a-bCxb");
  check("'a,b'.split(',').join('+') + 'abc'.charAt(0) + string('abc'.indexOf('c'))", "a+ba2");
  check("'%s is %d'.format(['a', 2])", "a is 2");
  check("strings.quote('a')", '"a"');
});

test("replace works from the left, up to a limit, and knows the empty text", () => {
  check("'aaa'.replace('a', 'b')", "bbb");
  check("'aaa'.replace('a', 'b', 2)", "bba");
  check("'aaa'.replace('a', 'b', 0)", "aaa");
  check("'aaa'.replace('a', 'aa', -1)", "aaaaaa");
  check("'😀b'.replace('', '-')", "-😀-b-");
});

test("min and max take numbers of mixed types, or a list", () => {
  check("[min(2, 1.5), max(1, 2, 3), max([1, 5, 3]), min(2u, 3)]", [1.5, 3, 5, 2]);
  expect(() => check("max([])", 0)).toThrow(/the list is empty/);
  expect(() => check("max(1, 'a')", 0)).toThrow(/no such overload: max\(int, string\)/);
});

test("conversions take exactly what they print", () => {
  check("[int('12'), int(1.9), uint('7'), int('-9223372036854775808') < 0]", [12, 1, 7, true]);
  check("[double('1e3'), double('-.5'), double(3)]", [1000, -0.5, 3]);
  for (const source of ["int('0x10')", "int('')", "int(' 1')", "double('')", "double('0b1')", "uint('-1')"]) {
    expect(() => check(source, 0)).toThrow(/the text is no/);
  }
});

test("macros: all, exists, exists_one, filter and map over lists and the keys of maps", () => {
  check("[[1, 2].all(x, x > 0), [1, 2].exists(x, x > 1), [1, 2, 2].exists_one(x, x == 2), {'a': 1}.all(k, k == 'a')]", [
    true,
    true,
    false,
    true,
  ]);
  check("[1, 2, 3].filter(x, x > 1).map(x, x * x)", [4, 9]);
  expect(() => check("1.map(x, x)", 0)).toThrow();
  expect(() => check("[1].map(x, 1.0).all(y, 'a'.size().map(z, z) == [])", 0)).toThrow(/cannot go through int/);
});
