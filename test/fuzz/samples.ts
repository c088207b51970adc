// Good files to start from: the project's own policies, examples, test data, and what its documents show.
// 1. They are read from the tree, so that what is added there is fuzzed too.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");
const FENCED = /^```ya?ml[^\n]*\n(.*?)^```/gms;

/** What a file is. */
export type SampleKind = "workflow" | "policy" | "inventory" | "action" | "sinks";

/** All samples of a kind, in the order of their names. */
export function samplesOf(kind: SampleKind): readonly string[] {
  const found = allTexts().filter((text) => kindOf(text) === kind);
  return [...found, ...(kind === "inventory" ? INVENTORIES : [])];
}

const INVENTORIES = [
  `defaults: { labels: { env: prod }, connection: { ssh: { user: deploy, port: 22 } }, become: sudo }
targets:
  - { name: web-01, labels: { site: ams, rack: 4, gpu: true } }
  - { name: web-02, connection: { local: { root: /srv/x } } }
  - name: "web-03"
    labels: &l { site: fra }
    connection: { ssh: { host: 10.0.0.3, identity: ~/.ssh/id } }
  - { name: web-04, labels: *l }
`,
  '{"targets":[{"name":"a","connection":{"local":{"root":"/tmp/a"}}},{"name":"b","connection":{"ssh":{"host":"b"}}}]}',
  '{"_meta":{"hostvars":{"a":{"ansible_host":"10.0.0.1","ansible_port":22,"ansible_user":"u"}}},"all":{"children":["web","db"]},"web":{"hosts":["a","b"],"vars":{"site":"ams"}},"db":{"hosts":["c"],"children":["web"]}}',
  "# hosts\nweb-01\nweb-02 # the second\n\nweb-03\n",
];

let texts: readonly string[] | undefined;

function allTexts(): readonly string[] {
  texts ??= [
    ...filesIn("policies", /\.ya?ml$/),
    ...filesIn("examples", /\.ya?ml$/),
    ...filesIn(join("test", "testdata", "actions"), /\.ya?ml$/),
    ...filesIn("docs", /\.md$/).flatMap((text) => [...text.matchAll(FENCED)].map(([, inside = ""]) => inside)),
  ];
  return texts;
}

function filesIn(directory: string, name: RegExp): readonly string[] {
  const names = readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" }).filter((path) => name.test(path));
  return names.toSorted().map((path) => readFileSync(join(ROOT, directory, path), "utf8"));
}

function kindOf(text: string): SampleKind | undefined {
  if (/^stages:/m.test(text)) return "workflow";
  if (/^(?:rules|limits):/m.test(text)) return "policy";
  if (/^apply:/m.test(text)) return "action";
  if (/^sinks:/m.test(text)) return "sinks";
  if (/^(?:targets|defaults|all):/m.test(text)) return "inventory";
  return undefined;
}
