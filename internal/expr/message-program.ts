// Expressions over CEL's own values and protobuf messages, without JSON at either end: through the same parser, checker, rewriting pass
// and meter as every other expression. The conformance test holds the module to the standard through this door.

import { isCelError, plan } from "@bufbuild/cel";
import type { CelInput, CelValue } from "@bufbuild/cel";
import { analyse } from "./analysis.ts";
import type { AnalysisOptions } from "./analysis.ts";
import { builtins } from "./builtins.ts";
import { exprError } from "./expr-error.ts";
import type { Messages } from "./messages.ts";
import { charge, createMeter, enter, faultReason, leave } from "./meter.ts";
import type { Meter } from "./meter.ts";
import { parseExpression } from "./source.ts";

/** An expression over values as the library knows them. */
export interface MessageProgram {
  /** The type that the checker found. */
  readonly type: string;
  /** The value; throws HoldfastError. Names are read from the bindings. */
  evaluate(bindings: Record<string, CelInput>, meter?: Meter): CelValue;
}

/** Parses, checks and plans; throws INVALID_ARGUMENT with all that is wrong. */
export function compileMessageProgram(source: string, options: AnalysisOptions & { readonly messages: Messages }): MessageProgram {
  const text = { source, place: "expression", origin: { line: 1, column: 1 } };
  const syntax = parseExpression(text);
  const analysed = analyse(syntax, options, options.messages);
  const run = plan(builtins().envWith(options.messages), analysed.root);
  return {
    type: analysed.type,
    evaluate: (bindings, meter = createMeter()) => {
      const outer = enter({}, meter);
      try {
        charge(analysed.nodeCount);
        const result = run(bindings);
        if (!isCelError(result)) return result;
        throw exprError(text, [{ offset: 0, reason: faultReason(result.message) ?? "the evaluation failed" }]);
      } finally {
        leave(outer);
      }
    },
  };
}
