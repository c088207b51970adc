// Policy files as tests write them: one rule or one limit each, with defaults for what a test does not say.

/** A policy with one rule. */
export function aRule(rule: {
  readonly name?: string;
  readonly match?: string;
  readonly gates: string;
  readonly expr: string;
  readonly enforcement?: string;
  readonly message?: string;
}): string {
  const { name = "p", match = "true", gates, expr, enforcement = "deny", message = '"not so"' } = rule;
  return [
    `name: ${name}`,
    `match: '${match}'`,
    "rules:",
    `  - name: r`,
    `    gates: [${gates}]`,
    `    enforcement: ${enforcement}`,
    `    message: '${message}'`,
    `    expr: '${expr}'`,
    "",
  ].join("\n");
}

/** A policy with one limit: `concurrency: 5`, `tokens: 1, period: 1h`. */
export function aLimit(limit: { readonly name?: string; readonly match?: string; readonly key?: string; readonly terms: string }): string {
  const { name = "l", match = "true", key = '"k"', terms } = limit;
  return `name: ${name}\nmatch: 'true'\nlimits:\n  - { name: one, match: '${match}', key: '${key}', ${terms} }\n`;
}
