// What work costs on a core, in this process: its own time, not that of a machine that does other things besides.
// 1. All threads count, the collector's too: garbage is part of a cost.

/** Seconds on a core that the work took. */
export async function cpuSecondsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000_000;
}

/** So many a second on a core. */
export async function perCpuSecond(count: number, work: () => unknown): Promise<number> {
  return count / (await cpuSecondsOf(work));
}
