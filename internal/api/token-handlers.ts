// TokenService over the book of tokens: who may call it is the table's to say.
// 1. A secret is in the answer of CreateToken and nowhere else: in no log, no error, no list.

import { create } from "@bufbuild/protobuf";
import { durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { TokenSchema } from "../gen/holdfast/v1/token_service_pb.ts";
import type { Token, TokenService } from "../gen/holdfast/v1/token_service_pb.ts";
import type { Answers } from "./answer.ts";
import { principalOf } from "./call-gate.ts";
import type { TokenBook } from "./token-book.ts";
import type { TokenRecord } from "./token-record.ts";

/** The service's methods. */
export function createTokenHandlers(book: TokenBook, { unary }: Answers): ServiceImpl<typeof TokenService> {
  const shown = (record: TokenRecord): Token =>
    create(TokenSchema, {
      name: record.name,
      roles: [...record.roles],
      namespaces: [...record.namespaces],
      certificate: record.proof.kind === "certificate",
      createdAt: timestampFromMs(record.createdAtMs),
      createdBy: record.createdBy,
      ...(record.expiresAtMs === undefined ? {} : { expiresAt: timestampFromMs(record.expiresAtMs) }),
      expired: book.hasExpired(record),
    });
  return {
    createToken: unary(async ({ name, roles, namespaces, certificate, lifetime }, context) => {
      const lifetimeMs = lifetime === undefined ? undefined : Math.ceil(durationMs(lifetime)); // what is on disk is whole
      const wanted = { name, roles, namespaces, isCertificate: certificate, lifetimeMs };
      const { record, secret } = book.create(principalOf(context).name, wanted);
      return { token: shown(record), secret };
    }),
    listTokens: unary(async () => ({ tokens: book.list().map(shown) })),
    revokeToken: unary(async ({ name }) => ({ token: shown(book.revoke(name)) })),
  };
}
