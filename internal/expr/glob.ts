// `glob(text, pattern)`: `*` is any run of characters, `?` any one, `[a-z]` and `[!a-z]` one of a set, `\` takes the next as it is.
// 1. The whole text has to match. 2. Time is at most text times pattern, and is charged before matching starts.

import { charge } from "./meter.ts";

type Step = { readonly kind: "any" } | { readonly kind: "one"; readonly fits: (character: string) => boolean };

/** True when the text has the pattern's form. */
export function matchesGlob(text: string, pattern: string): boolean {
  charge(1 + (text.length + pattern.length) + ((text.length * pattern.length) >> 4));
  const characters = Array.from(text);
  const steps = readGlob(pattern);
  let [at, step, star, retry] = [0, 0, -1, 0];
  while (at < characters.length) {
    const current = steps[step];
    if (current?.kind === "any") {
      [star, retry] = [step, at];
      step++;
    } else if (current?.kind === "one" && current.fits(characters[at] ?? "")) {
      at++;
      step++;
    } else if (star >= 0) {
      retry++;
      [at, step] = [retry, star + 1];
    } else return false;
  }
  while (steps[step]?.kind === "any") step++;
  return step === steps.length;
}

function readGlob(pattern: string): readonly Step[] {
  const characters = Array.from(pattern);
  const steps: Step[] = [];
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index] ?? "";
    if (character === "*") {
      if (steps.at(-1)?.kind !== "any") steps.push({ kind: "any" });
    } else if (character === "?") steps.push({ kind: "one", fits: () => true });
    else if (character === "[" && characters.indexOf("]", index + 2) !== -1) {
      const end = characters.indexOf("]", index + 2);
      steps.push({ kind: "one", fits: readSet(characters.slice(index + 1, end)) });
      index = end;
    } else {
      const literal = character === "\\" ? (characters[++index] ?? "\\") : character;
      steps.push({ kind: "one", fits: (found) => found === literal });
    }
  }
  return steps;
}

function readSet(inside: readonly string[]): (character: string) => boolean {
  const isNegated = inside[0] === "!" || inside[0] === "^";
  const members = isNegated ? inside.slice(1) : inside;
  const ranges: (readonly [string, string])[] = [];
  for (let index = 0; index < members.length; index++) {
    const low = members[index] ?? "";
    const isRange = members[index + 1] === "-" && index + 2 < members.length;
    ranges.push([low, isRange ? (members[index + 2] ?? low) : low]);
    if (isRange) index += 2;
  }
  return (found) => ranges.some(([low, high]) => low <= found && found <= high) !== isNegated;
}
