// A disk that loses its power: replays the calls of a trace and says, for any moment, what could lie on the disk after it.
// 1. Bytes are safe by a sync that began after they were written, and from that sync's end on; what is younger may be there, in part, as zeros, or not.
// 2. Names are safe as the file system says: `ordered` (ext4, xfs) keeps all earlier changes of names with one that is safe; `own` (btrfs) keeps the
//    name of a synced file; `strict` (POSIX alone) only what a sync of the directory covers. A file whose name is safe and whose bytes are not is empty.

import { assertNever } from "../../internal/base/assert.ts";
import type { Deed, Step } from "./power-trace.ts";

/** How names survive. */
export type Naming = "ordered" | "own" | "strict";
/** What becomes of younger bytes, and in `ordered` of younger names: nothing of them, some, or some with zeros for bytes. */
export type Younger = "lost" | "some" | "zeros";

/** What the disk does at a loss of power. */
export interface Loss {
  readonly naming: Naming;
  readonly younger: Younger;
  /** Says how much of what is younger survives. */
  readonly random: () => number;
}

/** What lies on the disk: files with their bytes, directories without. */
export type Image = ReadonlyMap<string, Buffer | undefined>;

interface Write {
  readonly seq: number;
  readonly at: number;
  /** Undefined: the file is cut to `at` bytes. */
  readonly bytes: Buffer | undefined;
}

interface Inode {
  readonly isDirectory: boolean;
  safe: Buffer;
  young: Write[];
  size: number;
}

interface Name {
  readonly path: string;
  /** Undefined: the name is gone. */
  readonly inode: Inode | undefined;
}

/** One change of names: a rename is two at once. */
interface NameChange {
  readonly seq: number;
  readonly names: readonly Name[];
  readonly about: Inode;
  /** Those whose sync makes it safe, by the names that they have now. */
  directories: readonly string[];
  isOwn: boolean;
  isStrict: boolean;
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));

/** The disk below some directories, as far as a trace has been replayed. */
export class PowerDisk {
  readonly #isTracked: (path: string) => boolean;
  readonly #names = new Map<string, Inode>();
  readonly #changes: NameChange[] = [];
  readonly #offsets = new Map<string, number>();
  /** So many changes of names are safe when names are ordered. */
  #ordered = 0;
  /** The line at which the present call ended: a sync covers what had ended before it began. */
  #seq = 0;

  constructor(isTracked: (path: string) => boolean) {
    this.#isTracked = isTracked;
  }

  /** Takes one call, in the order of their ends. */
  take({ begin, end, deed }: Step): void {
    this.#seq = end;
    if (deed.kind === "send" || !(this.#isTracked(deed.path) || ("to" in deed && this.#isTracked(deed.to)))) return;
    switch (deed.kind) {
      case "open":
        return this.#open(deed);
      case "write":
        return this.#write(deed);
      case "cut":
        return this.#put(this.#names.get(deed.path), deed.length, undefined);
      case "sync":
        return this.#sync(deed.path, begin);
      case "directory":
        return this.#rename({ about: newInode(true), gone: undefined, path: deed.path });
      case "rename":
        return this.#rename({ about: this.#names.get(deed.path), gone: deed.path, path: deed.to });
      case "link":
        return this.#rename({ about: this.#names.get(deed.path), gone: undefined, path: deed.to });
      case "remove":
        return this.#rename({ about: this.#names.get(deed.path), gone: deed.path, path: undefined });
      default:
        return assertNever(deed);
    }
  }

  /** What lies there when nothing is lost. */
  whole(): Image {
    return new Map([...this.#names].map(([path, inode]) => [path, inode.isDirectory ? undefined : contentOf(inode, inode.young)]));
  }

  /** What lies there after a loss of power at this moment. */
  after(loss: Loss): Image {
    const names = new Map<string, Inode>();
    for (const change of this.#survivors(loss)) {
      applyNames(names, change.names);
    }
    const contents = new Map<Inode, Buffer>();
    const image = new Map<string, Buffer | undefined>();
    for (const [path, inode] of names) {
      if (!contents.has(inode)) contents.set(inode, survivingContent(inode, loss));
      image.set(path, inode.isDirectory ? undefined : contents.get(inode));
    }
    return image;
  }

  #survivors({ naming, younger, random }: Loss): readonly NameChange[] {
    if (naming === "own") return this.#changes.filter(({ isOwn, isStrict }) => isOwn || isStrict);
    if (naming === "strict") return this.#changes.filter(({ isStrict }) => isStrict);
    const more = younger === "lost" ? 0 : Math.floor(random() * (this.#changes.length - this.#ordered + 1));
    return this.#changes.slice(0, this.#ordered + more);
  }

  #open({ path, fd, isMade, isCut, isAppend }: Deed & { kind: "open" }): void {
    let inode = this.#names.get(path);
    if (inode === undefined && isMade) {
      inode = newInode(false);
      this.#rename({ about: inode, gone: undefined, path });
    }
    if (inode === undefined) return;
    if (isCut && inode.size > 0) this.#put(inode, 0, undefined);
    this.#offsets.set(`${fd} ${path}`, isAppend ? Number.NaN : 0);
  }

  #write({ path, fd, at, bytes }: Deed & { kind: "write" }): void {
    const inode = this.#names.get(path);
    const key = `${fd} ${path}`;
    const known = this.#offsets.get(key);
    const offset = at ?? (known === undefined || Number.isNaN(known) ? (inode?.size ?? 0) : known);
    if (at === undefined && known !== undefined && !Number.isNaN(known)) this.#offsets.set(key, offset + bytes.length);
    this.#put(inode, offset, bytes);
  }

  #put(inode: Inode | undefined, at: number, bytes: Buffer | undefined): void {
    if (inode === undefined) return;
    inode.young.push({ seq: this.#seq, at, bytes });
    inode.size = bytes === undefined ? at : Math.max(inode.size, at + bytes.length);
  }

  #sync(path: string, begin: number): void {
    const inode = this.#names.get(path);
    const isDirectory = inode?.isDirectory ?? true; // the directory in which all of it lies was there before
    if (inode !== undefined && !isDirectory) {
      const covered = inode.young.filter(({ seq }) => seq < begin);
      inode.safe = contentOf(inode, covered);
      inode.young = inode.young.slice(covered.length);
    }
    for (const [index, change] of this.#changes.entries()) {
      const isMeant = isDirectory ? change.directories.includes(path) : change.about === inode;
      if (!isMeant || change.seq >= begin) continue;
      if (isDirectory) change.isStrict = true;
      else change.isOwn = true;
      this.#ordered = Math.max(this.#ordered, index + 1);
    }
  }

  #rename({ about, gone, path }: { about: Inode | undefined; gone: string | undefined; path: string | undefined }): void {
    if (about === undefined) return;
    const names: Name[] = [];
    if (gone !== undefined) names.push({ path: gone, inode: undefined });
    if (path !== undefined) names.push({ path, inode: about });
    applyNames(this.#names, names);
    if (about.isDirectory && gone !== undefined && path !== undefined)
      for (const change of this.#changes)
        change.directories = change.directories.map((name) => movedName(name, { from: gone, to: path }) ?? name);
    const directories = names.map(({ path: name }) => parentOf(name));
    this.#changes.push({ seq: this.#seq, names, about, directories, isOwn: false, isStrict: false });
  }
}

/** Makes changes of names; what lies in a directory that is renamed goes with it. */
function applyNames(names: Map<string, Inode>, [first, second]: readonly Name[]): void {
  if (first === undefined) return;
  if (first.inode !== undefined) names.set(first.path, first.inode);
  else names.delete(first.path);
  if (second?.inode === undefined) return;
  names.set(second.path, second.inode);
  if (!second.inode.isDirectory) return;
  for (const [path, inode] of names) {
    const moved = movedName(path, { from: first.path, to: second.path });
    if (moved === undefined) continue;
    names.delete(path);
    names.set(moved, inode);
  }
}

/** The name of what lay in a directory that was renamed, or its own; undefined: it has nothing to do with it. */
function movedName(path: string, { from, to }: { readonly from: string; readonly to: string }): string | undefined {
  return path === from || path.startsWith(`${from}/`) ? to + path.slice(from.length) : undefined;
}

function newInode(isDirectory: boolean): Inode {
  return { isDirectory, safe: Buffer.alloc(0), young: [], size: 0 };
}

/** The safe bytes, and these writes over them. */
function contentOf(inode: Inode, writes: readonly Write[]): Buffer {
  if (writes.length === 0) return inode.safe;
  let size = inode.safe.length;
  let capacity = size;
  for (const { at, bytes } of writes) capacity = Math.max(capacity, at + (bytes?.length ?? 0));
  const content = Buffer.alloc(capacity);
  inode.safe.copy(content);
  for (const { at, bytes } of writes) {
    if (bytes === undefined) {
      content.fill(0, at);
      size = at;
    } else {
      bytes.copy(content, at);
      size = Math.max(size, at + bytes.length);
    }
  }
  return content.subarray(0, size);
}

/** Of the younger writes a number survives, and of the one after them its beginning. */
function survivingContent(inode: Inode, { younger, random }: Loss): Buffer {
  if (younger === "lost" || inode.young.length === 0) return inode.safe;
  const count = Math.floor(random() * (inode.young.length + 1));
  const kept = inode.young.slice(0, count);
  const torn = inode.young[count];
  if (torn?.bytes !== undefined) kept.push({ ...torn, bytes: torn.bytes.subarray(0, Math.floor(random() * torn.bytes.length)) });
  const writes = younger === "some" ? kept : kept.map((write) => ({ ...write, bytes: write.bytes && Buffer.alloc(write.bytes.length) }));
  return contentOf(inode, writes);
}
