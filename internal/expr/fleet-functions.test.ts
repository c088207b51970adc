import { expect, test } from "vitest";
import { exprTimestamp } from "./lift.ts";
import { compile } from "./program.ts";

const TARGETS = [
  { name: "a", labels: { site: "ber", "zone/x": "1" } },
  { name: "b", labels: { site: "ber" } },
  { name: "c", labels: { site: "muc" } },
  { name: "d", labels: {} },
];

function evaluate(source: string, scope: Record<string, unknown> = {}): unknown {
  return compile(source, { place: "p", names: ["targets", "now", "x"] }).evaluate({ targets: TARGETS, ...scope });
}

function check(source: string, expected: unknown) {
  expect({ source, value: evaluate(source) }).toEqual({ source, value: expected });
}

function isOpen(windows: string, zone: string, at: string): unknown {
  return evaluate(`inWindow(now, "${windows}", "${zone}")`, { now: exprTimestamp(Date.parse(at)) });
}

test("countBy counts by a label, or by a path, and overlooks nothing", () => {
  check('countBy(targets, "site")', { ber: 2, muc: 1, "": 1 });
  check('countBy(targets, "zone/x")', { 1: 1, "": 3 });
  check('countBy(targets, "name")["a"]', 1);
  check('countBy(targets, "labels.site").all(site, n, n <= 2)', true);
  check('countBy([], "site").all(site, n, false)', true);
  expect(() => evaluate('countBy([1], "site")')).toThrow(/has no fields/);
});

test("percent is a double, and no part of nothing", () => {
  check("percent(3, 200)", 1.5);
  check("percent(3u, 200.0) < 2", true);
  expect(() => evaluate("percent(0, 0)")).toThrow(/not above 0/);
});

test("a window is open on the days and hours of its place", () => {
  const office = "Mon-Fri 09:00-17:00";
  expect(isOpen(office, "Europe/Berlin", "2026-01-05T08:00:00Z")).toBe(true);
  expect(isOpen(office, "Europe/Berlin", "2026-01-05T07:59:59Z")).toBe(false);
  expect(isOpen(office, "Europe/Berlin", "2026-01-05T16:00:00Z")).toBe(false);
  expect(isOpen(office, "UTC", "2026-01-04T12:00:00Z")).toBe(false);
  expect(isOpen("Sat,Sun 00:00-24:00", "UTC", "2026-01-04T23:59:59Z")).toBe(true);
  expect(isOpen("Fri-Mon 10:00-11:00; Wed 12:00-13:00", "UTC", "2026-01-07T12:30:00Z")).toBe(true);
  expect(isOpen("02:00-03:00", "Asia/Kathmandu", "2026-01-07T20:15:00Z")).toBe(true);
});

test("a window over midnight belongs to the day that it began on", () => {
  expect(isOpen("Fri 22:00-06:00", "UTC", "2026-01-10T05:59:00Z")).toBe(true);
  expect(isOpen("Fri 22:00-06:00", "UTC", "2026-01-09T05:59:00Z")).toBe(false);
  expect(isOpen("Fri 22:00-06:00", "UTC", "2026-01-10T06:00:00Z")).toBe(false);
});

test("over a change of summer time a window keeps its wall-clock hours", () => {
  const window = "Sun 01:30-03:30";
  // Spring: 02:00 becomes 03:00 at 01:00 UTC; the window lasts one hour.
  expect(isOpen(window, "Europe/Berlin", "2026-03-29T00:29:00Z")).toBe(false);
  expect(isOpen(window, "Europe/Berlin", "2026-03-29T00:30:00Z")).toBe(true);
  expect(isOpen(window, "Europe/Berlin", "2026-03-29T01:29:00Z")).toBe(true);
  expect(isOpen(window, "Europe/Berlin", "2026-03-29T01:30:00Z")).toBe(false);
  // Autumn: 03:00 becomes 02:00 at 01:00 UTC; the hour from 02:00 comes twice, and the window lasts three hours.
  expect(isOpen(window, "Europe/Berlin", "2026-10-24T23:30:00Z")).toBe(true);
  expect(isOpen(window, "Europe/Berlin", "2026-10-25T02:29:00Z")).toBe(true);
  expect(isOpen(window, "Europe/Berlin", "2026-10-25T02:30:00Z")).toBe(false);
  expect(isOpen("Mon-Sun 09:00-10:00", "Europe/Berlin", "2026-07-06T07:30:00Z")).toBe(true);
});

test("windows and zones that cannot be read are refused when they are computed, too", () => {
  for (const window of ["", "Mon", "09:00-25:00", "9:00-17:00", "Mon-Fri 09:00-09:00", "Mon Fri 09:00-10:00", "Mon-Fri 09:00-17:00;"]) {
    expect(() => evaluate("inWindow(now, x, 'UTC')", { now: exprTimestamp(0), x: window })).toThrow(/cannot be read/);
  }
  expect(() => evaluate("inWindow(now, '09:00-10:00', x)", { now: exprTimestamp(0), x: "Nowhere" })).toThrow(/time zone is not known/);
});

test("inCidr knows IPv4 and IPv6", () => {
  check("inCidr('10.1.2.3', '10.0.0.0/8') && !inCidr('11.1.2.3', '10.0.0.0/8')", true);
  check("inCidr('2001:db8::1', '2001:db8::/32') && !inCidr('2001:db9::1', '2001:db8::/32')", true);
  check("inCidr('::ffff:10.0.0.1', '10.0.0.0/8') && inCidr('1.2.3.4', '0.0.0.0/0') && !inCidr('::1', '0.0.0.0/0')", true);
  check("inCidr('::1', '::1/128') && inCidr('192.168.1.1', '192.168.1.1/32')", true);
  for (const ip of ["10.0.0.256", "10.0.0", "010.0.0.1", ":::", "1::2::3", "1:2:3", "::1%eth0", ""]) {
    expect(() => evaluate("inCidr(x, '10.0.0.0/8')", { x: ip })).toThrow(/not an IP address/);
  }
});

test("semverCompare orders versions as semver.org does", () => {
  const order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"];
  order.slice(1).forEach((later, index) => {
    expect(evaluate(`semverCompare("${order[index] ?? ""}", "${later}")`)).toBe(-1);
    expect(evaluate(`semverCompare("${later}", "${order[index] ?? ""}")`)).toBe(1);
  });
  check("semverCompare('v1.10.0', '1.9.0') > 0 && semverCompare('1.0.0+a', '1.0.0+b') == 0", true);
  expect(() => evaluate("semverCompare(x, '1.0.0')", { x: "1.0" })).toThrow(/not a version/);
});

test("glob matches the whole text", () => {
  check("glob('web-1.example', 'web-*') && glob('web-1', 'web-?') && glob('web-1', 'web-[0-9]')", true);
  check("!glob('web-1', 'web') && !glob('web-1', 'web-[!0-9]') && glob('a*b', 'a\\\\*b') && !glob('axb', 'a\\\\*b')", true);
  check("glob('', '*') && !glob('', '?') && glob('aXbXc', '*X*c')", true);
});

test("math, base64 and reverse are there", () => {
  check("[math.greatest(1, 2.5), math.least([3, 1, 2]), math.abs(-3), math.bitAnd(6, 3)]", [2.5, 1, 3, 2]);
  check("base64.decode(base64.encode(b'abc')) == b'abc' && 'ab😀'.reverse() == '😀ba'", true);
});
