// What a call that may be refused came to, as text.

import { HoldfastError } from "../../internal/base/errors.ts";

/** The code and the message of a refusal, or "taken"; anything else that is thrown is a bug. */
export function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof HoldfastError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "taken";
}
