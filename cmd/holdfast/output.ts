// What a command prints: data on stdout, talk on stderr; with `-o json` the data is JSON lines and errors are one JSON line.
// 1. Nothing that came from the service or a file reaches a terminal with its control characters.

import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { HoldfastError } from "../../internal/base/errors.ts";
import type { JsonValue } from "../../internal/base/json.ts";
import { plain, plainJson, plainLines } from "./plain-text.ts";
import type { TextStream } from "./world.ts";

/** How data is printed. */
export type Format = "text" | "json";

/** Where a command prints. */
export class Output {
  readonly format: Format;
  readonly stdout: TextStream;
  readonly #stderr: TextStream;

  constructor(format: Format, stdout: TextStream, stderr: TextStream) {
    this.format = format;
    this.stdout = stdout;
    this.#stderr = stderr;
  }

  get isJson(): boolean {
    return this.format === "json";
  }

  /** One line of data for people and pipes. */
  line(text: string): void {
    this.stdout.write(`${plain(text)}\n`);
  }

  /** One line of data for scripts. */
  json(value: JsonValue): void {
    this.stdout.write(`${plainJson(value)}\n`);
  }

  /** A message as one line of data for scripts. */
  async message(schema: DescMessage, message: Message): Promise<void> {
    const { wireJson } = await import("../../internal/sdk/wire-json.ts");
    this.json(wireJson(schema, message));
    await this.stdout.drained();
  }

  /** Talk: what is going on, for people. */
  talk(text: string): void {
    this.#stderr.write(`${plainLines(text).join("\n")}\n`);
  }

  /** The error that ends the command. `next` says what to do. */
  error(error: HoldfastError, next: string): void {
    if (this.isJson) {
      const details = error.details.map(({ place, reason }) => ({ place, reason }));
      this.#stderr.write(`${plainJson({ error: { code: error.code, message: withNext(error.message, next), details } })}\n`);
      return;
    }
    const unsaid = error.details
      .filter(({ reason }) => !error.message.includes(reason))
      .map(({ place, reason }) => `  ${place}: ${reason}`);
    this.talk([`holdfast: ${error.message}`, ...unsaid, ...(next === "" ? [] : [`  ${next}`])].join("\n"));
  }
}

function withNext(message: string, next: string): string {
  if (next === "") return message;
  return message.includes("\n") ? `${message}\n${next}` : `${message}; ${next}`;
}
