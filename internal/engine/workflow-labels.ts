// The labels that the targets of a workflow bear, as text: a freeze of a label is looked up among them.
// 1. Targets are frozen at Submit, so they are put together once for each blueprint.

import type { Blueprint } from "../workflow/blueprint.ts";

const labelSets = new WeakMap<Blueprint, ReadonlySet<string>>();

/** All labels that targets of a workflow bear, put together once. */
export function labelsOf(blueprint: Blueprint): ReadonlySet<string> {
  const known = labelSets.get(blueprint);
  if (known !== undefined) return known;
  const labels = new Set(
    blueprint.targets.flatMap((target) => Object.entries(target.labels).map(([label, value]) => labelText(label, value))),
  );
  labelSets.set(blueprint, labels);
  return labels;
}

/** A label with its value, as one text. */
export function labelText(label: string, value: string): string {
  return `${label.length} ${label} ${value}`;
}
