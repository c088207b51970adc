// `inCidr(ip, network)` for IPv4 and IPv6: is the address inside the network?
// 1. Strict: no leading zeros in IPv4, no zone, one `::` at most; an IPv4-mapped IPv6 address counts as its IPv4 address.

import { EvaluationFault } from "./meter.ts";

interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

const V4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;
const MAPPED_V4 = 0xffffn;

/** True when the address is in the network. Throws EvaluationFault for text that is neither. */
export function isInNetwork(ip: string, network: string): boolean {
  const address = readAddress(ip);
  if (address === undefined) throw new EvaluationFault("inCidr(): the first argument is not an IP address");
  const range = readNetwork(network);
  if (range === undefined) throw new EvaluationFault("inCidr(): the second argument is not a network such as 10.0.0.0/8");
  if (address.bits !== range.bits) return false;
  const shift = BigInt(range.bits - range.prefix);
  return address.value >> shift === range.value >> shift;
}

/** True for the text of a network, `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  return readNetwork(text) !== undefined;
}

function readNetwork(text: string): (Address & { readonly prefix: number }) | undefined {
  const slash = text.indexOf("/");
  const address = slash === -1 ? undefined : readAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  // The prefix of a mapped network counts the 96 bits before the IPv4 address.
  const prefix = address.bits === 32 && text.includes(":") ? Number(length) - 96 : Number(length);
  return prefix < 0 || prefix > address.bits ? undefined : { ...address, prefix };
}

function readAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  if (text.includes(":")) return readV6(text);
  const value = readV4(text);
  return value === undefined ? undefined : { bits: 32, value };
}

function readV4(text: string): bigint | undefined {
  if (!V4.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function readV6(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === "" ? [] : readGroups(half)));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: halves.length === 2 ? missing : 0 }, () => 0n), ...(tail ?? [])];
  const value = groups.reduce((sum, group) => (sum << 16n) | group, 0n);
  return value >> 32n === MAPPED_V4 ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value };
}

function readGroups(text: string): bigint[] | undefined {
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  const v4 = last.includes(".") ? readV4(last) : undefined;
  if (last.includes(".") && v4 === undefined) return undefined;
  const plain = v4 === undefined ? parts : parts.slice(0, -1);
  if (!plain.every((part) => GROUP.test(part))) return undefined;
  const groups = plain.map((part) => BigInt(`0x${part}`));
  return v4 === undefined ? groups : [...groups, v4 >> 16n, v4 & 0xffffn];
}
