// Who is asking: a bearer token names a principal.
// 1. Only hashes of tokens are kept, and they are compared in constant time.
// 2. Without a known token nothing of a request's body is read.

import { createHash, timingSafeEqual } from "node:crypto";
import { HoldfastError } from "../base/errors.ts";
import type { Principal } from "../engine/face.ts";

/** A token and the principal for whom it stands. */
export interface Token {
  readonly principal: Principal;
  readonly token: string;
}

/** Says who asks, by the `authorization` header; throws UNAUTHENTICATED. */
export interface Authenticator {
  principal(authorization: string | null): Principal;
}

const BEARER = /^bearer +([\x21-\x7e]{1,512})$/i;
const WHERE =
  'the command line client finds the token in HOLDFAST_TOKEN, or in the file admin.token of the directory HOLDFAST_DATA; others send "authorization: Bearer TOKEN"';

/** Knows the given tokens. */
export function createAuthenticator(tokens: readonly Token[]): Authenticator {
  const known = tokens.map(({ principal, token }) => ({ principal, hash: hashOf(token) }));
  return {
    principal(authorization) {
      if (authorization === null) throw unauthenticated("the call bears no token");
      const token = BEARER.exec(authorization)?.[1];
      if (token === undefined) throw unauthenticated("the authorization header is not of the form: Bearer TOKEN");
      const hash = hashOf(token);
      // All are compared, whichever matches.
      const found = known.filter((entry) => timingSafeEqual(entry.hash, hash));
      const [first] = found;
      if (first === undefined) throw unauthenticated("the token is not one of this service's");
      return first.principal;
    },
  };
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function unauthenticated(found: string): HoldfastError {
  return new HoldfastError("UNAUTHENTICATED", `${found}; ${WHERE}`);
}
