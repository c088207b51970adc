// token create, list, revoke: who may do what.
// 1. A secret is printed once, alone on a line of stdout: TOKEN=$(holdfast token create ci --role submitter).

import { durationFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { DURATION_FORM, parseDurationMs } from "../../../internal/base/duration.ts";
import { HoldfastError } from "../../../internal/base/errors.ts";
import { TOKEN_LIFETIME_MS_MAX } from "../../../internal/base/limits.ts";
import type { Token } from "../../../internal/gen/holdfast/v1/token_service_pb.ts";
import { CreateTokenResponseSchema, TokenSchema } from "../../../internal/gen/holdfast/v1/token_service_pb.ts";
import type { Context } from "../context.ts";
import { EXIT_DONE } from "../exit-code.ts";
import type { Options } from "../options.ts";
import { flag, listOption, textOption } from "../options.ts";

/** token create NAME */
export async function createToken(context: Context, [name = ""]: readonly string[], options: Options): Promise<number> {
  const lifetimeMs = lifetimeOf(options);
  const client = await context.client();
  const made = await client.createToken(
    {
      name,
      roles: [...listOption(options, "role")],
      namespaces: [...listOption(options, "namespace")],
      certificate: flag(options, "certificate"),
      ...(lifetimeMs === undefined ? {} : { lifetime: durationFromMs(lifetimeMs) }),
    },
    context.world.interrupted,
  );
  if (context.out.isJson) await context.out.message(CreateTokenResponseSchema, made);
  else if (made.secret !== "") context.out.line(made.secret);
  if (made.token !== undefined) context.out.talk(createdLine(made.token));
  return EXIT_DONE;
}

/** token list */
export async function listTokens(context: Context): Promise<number> {
  const { tokens } = await (await context.client()).listTokens({}, context.world.interrupted);
  for (const token of tokens) {
    if (context.out.isJson) await context.out.message(TokenSchema, token);
    else context.out.line(tokenLine(token));
  }
  if (tokens.length === 0) context.out.talk('there are no tokens but the admin\'s; make one with "holdfast token create NAME --role ROLE"');
  return EXIT_DONE;
}

/** token revoke NAME */
export async function revokeToken(context: Context, [name = ""]: readonly string[]): Promise<number> {
  const { token } = await (await context.client()).revokeToken({ name }, context.world.interrupted);
  if (context.out.isJson && token !== undefined) await context.out.message(TokenSchema, token);
  context.out.talk(`revoked ${name}: it is refused from now on, and what was open with it has ended`);
  return EXIT_DONE;
}

function lifetimeOf(options: Options): number | undefined {
  const text = textOption(options, "expires");
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text, TOKEN_LIFETIME_MS_MAX);
  if (ms !== undefined && ms > 0) return ms;
  throw new HoldfastError("INVALID_ARGUMENT", `--expires must be ${DURATION_FORM}, above zero and at most 3650d`);
}

function createdLine(token: Token): string {
  const what = `made ${tokenLine(token)}`;
  if (token.certificate) return `${what}; a client certificate with this CN, of a CA in --tls-client-ca, is known by it from now on`;
  return `${what}; its secret is not shown again: keep it where only its user reads it, as HOLDFAST_TOKEN`;
}

function tokenLine({ name, roles, namespaces, certificate, expiresAt, expired, createdBy }: Token): string {
  const parts = [name, roles.join(","), namespaces.length === 0 ? "all namespaces" : `namespaces ${namespaces.join(",")}`];
  if (certificate) parts.push("by certificate");
  if (expiresAt === undefined) parts.push("does not expire");
  else parts.push(`${expired ? "EXPIRED" : "expires"} ${new Date(timestampMs(expiresAt)).toISOString()}`);
  return [...parts, `made by ${createdBy}`].join("  ");
}
