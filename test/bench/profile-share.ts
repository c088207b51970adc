// Self time by function of a CPU profile: samples and their distances, summed over all the places a function was called from.
// 1. "(idle)" is left out of the whole; the collector and native code count as functions of their own.

/** A profile as V8 writes it, as far as it is read. */
export interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** One function, and its share of the time on the core. */
export interface FunctionShare {
  readonly name: string;
  /** ` in PATH`, or empty for what is not in a file. */
  readonly place: string;
  readonly share: number;
}

/** The functions with the most self time. */
export function topOf({ nodes, samples, timeDeltas }: Profile, count: number): { busyMs: number; functions: readonly FunctionShare[] } {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const spent = new Map<string, { name: string; place: string; us: number }>();
  let busyUs = 0;
  for (const [at, id] of samples.entries()) {
    const frame = frames.get(id);
    if (frame === undefined || frame.functionName === "(idle)") continue;
    const us = Math.max(0, timeDeltas[at] ?? 0);
    busyUs += us;
    const name = frame.functionName === "" ? "(anonymous)" : frame.functionName;
    const place = placeOf(frame.url);
    const entry = spent.get(`${name}${place}`) ?? { name, place, us: 0 };
    entry.us += us;
    spent.set(`${name}${place}`, entry);
  }
  const sorted = [...spent.values()].sort((a, b) => b.us - a.us).slice(0, count);
  return { busyMs: busyUs / 1_000, functions: sorted.map(({ name, place, us }) => ({ name, place, share: us / busyUs })) };
}

/** The path within the package or the project: what comes before is of the machine. */
function placeOf(url: string): string {
  if (url === "") return "";
  const path = url.replace(/^file:\/\//, "");
  const [, inPackage] = /^.*\/node_modules\/(.+)$/.exec(path) ?? [];
  if (inPackage !== undefined) return ` in ${inPackage}`;
  const [, inProject = path] = /^.*?\/(?:dist\/)?((?:internal|cmd|test)\/.+)$/.exec(path) ?? [];
  return ` in ${inProject.replace(/\.js$/, ".ts")}`;
}
