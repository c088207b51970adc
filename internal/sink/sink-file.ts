// Parses the file of sinks: what comes out is whole and within bounds, or is a fault with line and column. A misspelled setting is a fault.
// 1. Filters are checked against what an event has before anything is delivered by them.

import { present } from "../base/assert.ts";
import { FileCursor, FileFaults } from "../base/file-cursor.ts";
import type { FileFields } from "../base/file-cursor.ts";
import { canonicalJson } from "../base/json.ts";
import { didYouMean } from "../base/nearest.ts";
import {
  SINKS_FILE_BYTES_MAX,
  SINKS_MAX,
  SINK_ARGUMENT_LENGTH_MAX,
  SINK_ARGV_MAX,
  SINK_HEADERS_MAX,
  SINK_HEADER_LENGTH_MAX,
  SINK_KINDS_MAX,
  SINK_NAMES_MAX,
  SINK_RETRY_MS_MAX,
  SINK_RETRY_MS_MIN,
  SINK_TIMEOUT_MS_MAX,
  SINK_TIMEOUT_MS_MIN,
  SINK_URL_LENGTH_MAX,
} from "../base/sink-limits.ts";
import { readYaml } from "../base/yaml.ts";
import { ALERT_KINDS } from "./event-text.ts";
import { compileFilter } from "./filter.ts";
import type { Sink, SinkCommand, SinkWhen, Webhook } from "./sink.ts";

const SINK_FIELDS = ["name", "description", "when", "from", "webhook", "command", "retry"] as const;
const WHEN_FIELDS = ["kinds", "namespaces", "workflows", "filter"] as const;
const WEBHOOK_FIELDS = ["url", "headers", "secret_headers", "secret", "timeout"] as const;
const COMMAND_FIELDS = ["argv", "timeout"] as const;
const RETRY_FIELDS = ["first", "max"] as const;
const NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const NAME_FORM = "lower-case letters, digits, _ and -, at most 64, a letter first";
const PATTERN = /^[A-Za-z0-9._:@*-]{1,128}$/;
const SECRET = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const SECRET_FORM = "the name of a secret, such as webhook-key; its value is never in this file";
const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
const OWN_HEADERS: readonly string[] = ["host", "content-length", "content-type", "transfer-encoding", "connection"];
const TIMEOUT_MS_DEFAULT = 10_000;
const RETRY_DEFAULT = { firstMs: 1_000, maxMs: 300_000 } as const;

type SinkFields = FileFields<(typeof SINK_FIELDS)[number]>;

/** Reads a file of sinks; throws INVALID_ARGUMENT with every fault and its place. `kinds` are those that there are. */
export function readSinks(file: string, source: string, kinds: readonly string[]): readonly Sink[] {
  const yaml = readYaml(source, { file, bytesMax: SINKS_FILE_BYTES_MAX });
  const faults = new FileFaults(yaml, source);
  const list = new FileCursor(faults, "", yaml.value).fields(["sinks"] as const, "a file of sinks")?.need("sinks", "write sinks: []");
  const items = list?.items("sinks") ?? [];
  if (items.length > SINKS_MAX) list?.refuse(`at most ${SINKS_MAX} sinks; found ${items.length}`);
  const sinks = items.slice(0, SINKS_MAX).map((item) => readSink(item, kinds));
  const seen = new Set<string>();
  for (const [at, sink] of sinks.entries()) {
    if (sink !== undefined && seen.has(sink.name)) items[at]?.refuse(`the name "${sink.name}" stands twice`);
    if (sink !== undefined) seen.add(sink.name);
  }
  faults.throwIfAny();
  return sinks.map((sink) => present(sink, "a sink without a fault"));
}

function readSink(item: FileCursor, kinds: readonly string[]): Sink | undefined {
  const fields = item.fields(SINK_FIELDS, "a sink");
  if (fields === undefined) return undefined;
  const name = fields.need("name", "write for example name: alerts")?.word(NAME, NAME_FORM);
  fields.read("description", (field) => field.text());
  const whenField = fields.need("when", "say which events, such as when: { kinds: [workflowFailed] }");
  const when = whenField === undefined ? undefined : readWhen(whenField, kinds);
  const from = fields.read("from", readFrom) ?? "now";
  const to = readTo(fields);
  const retry = readRetry(fields);
  if (name === undefined || when === undefined || to === undefined || retry === undefined) return undefined;
  return { name, when, from, to, retry, fingerprint: canonicalJson(item.value) };
}

function readFrom(field: FileCursor): "now" | "start" | undefined {
  if (field.value === "now" || field.value === "start") return field.value;
  return field.refuse("must be now (what happens after the sink is first read) or start (all that the journal holds)");
}

function readWhen(field: FileCursor, kinds: readonly string[]): SinkWhen | undefined {
  const fields = field.fields(WHEN_FIELDS, "when");
  const kindsField = fields?.need("kinds", "name kinds of events, or write kinds: [alerts], or kinds: [all]");
  const wanted = kindsField === undefined ? undefined : readKinds(kindsField, kinds);
  const namespaces = fields?.read("namespaces", readPatterns) ?? [];
  const workflows = fields?.read("workflows", readPatterns) ?? [];
  const filterField = fields?.get("filter");
  const filter = filterField === undefined ? undefined : compileFilter(filterField);
  if (wanted === undefined || (filterField !== undefined && filter === undefined)) return undefined;
  return { kinds: wanted, namespaces, workflows, filter };
}

function readKinds(field: FileCursor, known: readonly string[]): ReadonlySet<string> | undefined {
  const items = field.items("kinds");
  if (items.length === 0) return field.refuse("a sink without kinds wants nothing; write for example [alerts]");
  if (items.length > SINK_KINDS_MAX) return field.refuse(`at most ${SINK_KINDS_MAX} kinds; found ${items.length}`);
  const groups: Readonly<Record<string, readonly string[]>> = { all: known, alerts: ALERT_KINDS };
  const found = items.map((item) => {
    const kind = item.text();
    if (kind === undefined) return undefined;
    if (known.includes(kind)) return [kind];
    const names = [...Object.keys(groups), ...known];
    const hint = didYouMean(kind, names) || "; docs/sinks.md lists them";
    return groups[kind] ?? item.refuse(`there is no kind "${kind.slice(0, 64)}"${hint}`);
  });
  return found.includes(undefined) ? undefined : new Set(found.flatMap((one) => one ?? []));
}

function readPatterns(field: FileCursor): readonly string[] {
  const items = field.items("a list of names");
  if (items.length > SINK_NAMES_MAX) field.refuse(`at most ${SINK_NAMES_MAX} names; found ${items.length}`);
  if (items.length === 0) field.refuse("an empty list chooses nothing; leave it out for all");
  return items.flatMap((item) => item.word(PATTERN, "a name, or a pattern with *, such as nightly-*") ?? []);
}

function readTo(fields: SinkFields): Webhook | SinkCommand | undefined {
  const [webhook, command] = [fields.get("webhook"), fields.get("command")];
  if ((webhook === undefined) === (command === undefined))
    return fields.cursor.refuse("a sink has either webhook: { url: … } or command: { argv: […] }");
  return webhook === undefined ? command && readCommand(command) : readWebhook(webhook);
}

function readWebhook(field: FileCursor): Webhook | undefined {
  const fields = field.fields(WEBHOOK_FIELDS, "webhook");
  const url = fields?.need("url", "write for example url: https://hooks.example/holdfast");
  const address = url === undefined ? undefined : readUrl(url);
  const headers = fields?.read("headers", (item) => readHeaders(item, HEADER_VALUE, "printable ASCII")) ?? {};
  const secretHeaders = fields?.read("secret_headers", (item) => readHeaders(item, SECRET, SECRET_FORM)) ?? {};
  const secretField = fields?.get("secret");
  const secret = secretField?.word(SECRET, SECRET_FORM);
  const timeoutMs = readTimeout(fields?.get("timeout"));
  if (address === undefined || timeoutMs === undefined || (secretField !== undefined && secret === undefined)) return undefined;
  return { kind: "webhook", url: address, headers, secretHeaders, secret, timeoutMs };
}

function readUrl(field: FileCursor): string | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  const url = text.length <= SINK_URL_LENGTH_MAX && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return field.refuse(`must be an http or https URL of at most ${SINK_URL_LENGTH_MAX} characters`);
  if (url.username !== "" || url.password !== "") return field.refuse("holds a user or a password; use secret_headers");
  return text;
}

function readHeaders(field: FileCursor, value: RegExp, form: string): Readonly<Record<string, string>> {
  const entries = field.entries("headers");
  if (entries.length > SINK_HEADERS_MAX) field.refuse(`at most ${SINK_HEADERS_MAX} headers; found ${entries.length}`);
  const headers: [string, string][] = [];
  for (const [name, entry] of entries) {
    const isOwn = OWN_HEADERS.includes(name.toLowerCase()) || name.toLowerCase().startsWith("holdfast-");
    if (!HEADER.test(name) || isOwn) entry.faults.addKey(entry.path, isOwn ? "is set by the service itself" : "is no name of a header");
    const text = entry.word(value, form);
    if (text !== undefined && text.length > SINK_HEADER_LENGTH_MAX) entry.refuse(`is longer than ${SINK_HEADER_LENGTH_MAX} characters`);
    if (text !== undefined) headers.push([name, text]);
  }
  return Object.fromEntries(headers);
}

function readCommand(field: FileCursor): SinkCommand | undefined {
  const fields = field.fields(COMMAND_FIELDS, "command");
  const list = fields?.need("argv", "write for example argv: [/usr/local/bin/alert]");
  const timeoutMs = readTimeout(fields?.get("timeout"));
  const items = list?.items("argv") ?? [];
  if (list !== undefined && (items.length === 0 || items.length > SINK_ARGV_MAX))
    list.refuse(`has 1 to ${SINK_ARGV_MAX} words; found ${items.length}`);
  const argv = items.map((item, at) => {
    const word = item.text();
    if (word === undefined) return undefined;
    if (word.includes("\0") || word.length > SINK_ARGUMENT_LENGTH_MAX)
      return item.refuse(`has at most ${SINK_ARGUMENT_LENGTH_MAX} characters, none of them NUL`);
    return at > 0 || word.startsWith("/")
      ? word
      : item.refuse("must be an absolute path: the service has a directory and a PATH of its own");
  });
  const words = argv.filter((word) => word !== undefined);
  if (timeoutMs === undefined || words.length === 0 || words.length !== argv.length) return undefined;
  return { kind: "command", argv: words, timeoutMs };
}

function readTimeout(field: FileCursor | undefined): number | undefined {
  return field === undefined ? TIMEOUT_MS_DEFAULT : readMs(field, { min: SINK_TIMEOUT_MS_MIN, max: SINK_TIMEOUT_MS_MAX });
}

function readRetry(fields: SinkFields): Sink["retry"] | undefined {
  const field = fields.get("retry");
  if (field === undefined) return RETRY_DEFAULT;
  const terms = field.fields(RETRY_FIELDS, "retry");
  if (terms === undefined) return undefined;
  const bounds = { min: SINK_RETRY_MS_MIN, max: SINK_RETRY_MS_MAX };
  const [first, max] = [terms.get("first"), terms.get("max")];
  const firstMs = first === undefined ? RETRY_DEFAULT.firstMs : readMs(first, bounds);
  const maxMs = max === undefined ? Math.max(RETRY_DEFAULT.maxMs, firstMs ?? 0) : readMs(max, bounds);
  if (firstMs === undefined || maxMs === undefined) return undefined;
  return firstMs <= maxMs ? { firstMs, maxMs } : field.refuse("first is longer than max");
}

function readMs(field: FileCursor, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
  const ms = field.durationMs();
  if (ms === undefined) return undefined;
  return ms >= min && ms <= max ? ms : field.refuse(`must be between ${min}ms and ${max / 1_000}s`);
}
