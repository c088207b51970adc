// What the command line client is made of from outside: process, terminal, disk, time, network. main.ts builds the real one;
// tests build others.

import type { ClientOptions } from "../../internal/sdk/client-transport.ts";
import type { HoldfastClient } from "../../internal/sdk/client.ts";
import type { LogbookFiles, SdkClock } from "../../internal/sdk/ports.ts";

/** One output stream. */
export interface TextStream {
  readonly isTerminal: boolean;
  /** Columns and rows of a terminal; changes when it is resized. */
  size(): { readonly columns: number; readonly rows: number };
  /** False once the reader has gone away: nothing more needs to be written. */
  isOpen(): boolean;
  write(text: string): void;
  /** Resolves when what was written may be followed by more, for readers slower than we are. */
  drained(): Promise<void>;
}

/** Everything outside. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** Asks the person at the terminal for one line; undefined when there is none: no terminal, or the end of input. */
  ask(question: string): Promise<string | undefined>;
  readonly clock: SdkClock;
  /** The disk under the logbook. */
  readonly files: LogbookFiles;
  /** The bytes of a file, at most `bytesMax` of them; undefined when there is no such file. */
  readFile(path: string, bytesMax: number): Promise<Uint8Array | undefined>;
  /** A new UUID. */
  newRequestId(): string;
  openClient(options: ClientOptions): Promise<HoldfastClient>;
  /** Aborted by Ctrl-C, SIGTERM or SIGHUP: the client detaches, the workflow goes on. */
  readonly interrupted: AbortSignal;
}
