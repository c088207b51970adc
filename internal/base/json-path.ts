// Places inside a JSON tree, as people read them: `stages[1].actions[0].with.path`, `labels["a.b"]`.
// 1. parsePath undoes keyPath and indexPath: one spelling for messages and for looking a place up again.

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const STEP = /\.?([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,9})\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** One step of a path: a key of an object, or an index of a list. */
export type PathStep = string | number;

/** The path of a key inside the object at `path`; the root's path is empty. */
export function keyPath(path: string, key: string): string {
  if (!PLAIN_KEY.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** The path of an item inside the list at `path`. */
export function indexPath(path: string, index: number): string {
  return `${path}[${index}]`;
}

/** The steps of a path, or undefined where the text is not a path. */
export function parsePath(path: string): readonly PathStep[] | undefined {
  const steps: PathStep[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path);
    if (match === null) return undefined;
    const [, key, index, quoted] = match;
    if (key !== undefined) steps.push(key);
    else if (index !== undefined) steps.push(Number(index));
    else if (quoted !== undefined) steps.push(unquote(quoted) ?? quoted);
  }
  return steps;
}

function unquote(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined; // a path written by hand with a broken escape: the text itself is then the key
  }
}
