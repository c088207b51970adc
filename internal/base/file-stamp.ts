// What a look at a file says of it, as text: by comparing two of them a reader knows whether it is still the same file. Pure: the look is the caller's.
// 1. Whatever changes a file changes its stamp, also one that was renamed into its place with the same size and time.

/** What of a file's status is compared, as `stat` gives it with bigints. */
export interface FileStatus {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mode: bigint;
}

/** What changes whenever the file does. */
export function fileStamp({ ino, size, mtimeNs, ctimeNs, mode }: FileStatus): string {
  return [ino, size, mtimeNs, ctimeNs, mode].join(":");
}
