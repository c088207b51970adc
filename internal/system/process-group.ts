// Signals to process groups that this process started.
// 1. A group that is gone is no error; one that is another user's is.

/** Signals a group by its leader's pid; nothing happens when nobody is left in it, or there never was one. */
export function endGroup(pid: number | undefined, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
