// What the Connect client uses of the Fetch standard's Headers, for the bundle: Node's own would load all of fetch, a fifth of a command's time.
// 1. scripts/ensure.mjs puts it in Node's place in dist/cli, and nowhere else. A test compares the two.
// 2. It checks nothing: names and values come from the client itself and from Node's HTTP, which checks both.

type Entries = Iterable<readonly [string, string]>;

/** Fields by name in lower case; one that was appended to has its values with ", " between. */
export class Headers {
  readonly #fields = new Map<string, string>();

  constructor(init: Entries | Readonly<Record<string, string>> = {}) {
    const entries: Entries = Symbol.iterator in init ? init : Object.entries(init);
    for (const [name, value] of entries) this.append(name, value);
  }

  append(name: string, value: string): void {
    const before = this.get(name);
    this.set(name, before === null ? value : `${before}, ${trimmed(value)}`);
  }

  delete(name: string): void {
    this.#fields.delete(name.toLowerCase());
  }

  get(name: string): string | null {
    return this.#fields.get(name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    return this.#fields.has(name.toLowerCase());
  }

  set(name: string, value: string): void {
    this.#fields.set(name.toLowerCase(), trimmed(value));
  }

  forEach(callback: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this) callback(value, name, this);
  }

  /** In the order of the names. */
  *[Symbol.iterator](): IterableIterator<[string, string]> {
    for (const name of [...this.#fields.keys()].toSorted()) yield [name, this.#fields.get(name) ?? ""];
  }

  entries(): IterableIterator<[string, string]> {
    return this[Symbol.iterator]();
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this) yield value;
  }
}

function trimmed(value: string): string {
  return String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
}
