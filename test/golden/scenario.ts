// What the stories of the transcripts are made of.

import type { JsonValue } from "@bufbuild/protobuf";
import type { Transcript } from "./transcript.ts";

/** A definition, or a part of one. */
export type Json = { [key: string]: JsonValue };

/** One story. */
export interface Scenario {
  readonly targets: number;
  tell(t: Transcript): Promise<void>;
}

/** Sets a value. */
export const SET: Json = { name: "apply", uses: "set", with: { name: "a", value: "1" } };
/** Changes something that nothing can look at. */
export const TOUCH: Json = { name: "apply", uses: "touch" };

/** A workflow of one stage over all targets. */
export function fix(rollout: Json, actions: Json[] = [SET], rest: Json = {}): Json {
  return { name: "fix", targets: { where: "true" }, stages: [{ name: "fix", over: { targets: true }, rollout, actions }], ...rest };
}
