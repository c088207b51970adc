// The file of a backup: a magic line, then blocks. docs/journal-format.md draws it.
// 1. A block is a letter, the length of its payload (4 bytes, big-endian), the payload, and the CRC32C of all three.
// 2. The first block says of what it is, then come rows, and the closing block counts them and has the SHA-256 of all bytes before itself.
// 3. What lacks the closing block was not finished, and is refused, wherever it ends.

/** What every backup begins with. */
export const BACKUP_MAGIC: Uint8Array = Buffer.from("HOLDFAST BACKUP\n");

/** The format that this code writes; it reads every format up to it. */
export const BACKUP_FORMAT = 1;

/** The letters of the kinds of blocks. */
export const BLOCK = { start: 0x53, rows: 0x52, end: 0x45 } as const;

/** One of the letters. */
export type BlockLetter = (typeof BLOCK)[keyof typeof BLOCK];

/** A letter and a length. */
export const BLOCK_HEAD_BYTES = 5;
/** The CRC32C after a block. */
export const BLOCK_TAIL_BYTES = 4;
/** The length of the key and of the record before a row. */
export const ROW_HEAD_BYTES = 8;
