// What another process costs, as the kernel counts it: its time on the cores, and the memory that it holds.
// 1. Read from /proc by pid; the process must still be there.

import { readFileSync } from "node:fs";

/** Of /proc/PID/stat: the kernel's USER_HZ, 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

/** The time that a process spent on a core so far, all its threads together, in seconds; in steps of 10 ms. */
export function cpuSecondsOfProcess(pid: number): number {
  const fields = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND; // utime and stime, counted from the state on
}

/** The most memory that it ever held (`VmHWM`), or what it holds now (`VmRSS`), in MiB. */
export function memoryMiBOfProcess(pid: number, field: "VmHWM" | "VmRSS"): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (found === null) throw new Error(`/proc/${pid}/status has no ${field}`);
  return Number(found[1]) / 1_024;
}
