// Who is asking: a bearer token names a principal, and without one a verified client certificate does.
// 1. Only hashes of tokens are kept; none is ever in a message.
// 2. Without a known token or certificate nothing of a request's body is read.
// 3. An authorization header is never passed over: one that is wrong is refused, whatever certificate comes with it.

import { hash, timingSafeEqual } from "node:crypto";
import { HoldfastError } from "../base/errors.ts";
import type { Principal } from "../engine/face.ts";
import type { LiveToken, TokenBook } from "./token-book.ts";
import { ADMIN_NAME } from "./token-record.ts";

/** Who calls, and to what they are held. */
export interface Caller {
  readonly principal: Principal;
  /** The only namespaces that the caller may name and see; undefined: all. */
  readonly namespaces: ReadonlySet<string> | undefined;
  /** Calls back once when the caller's token ends; returns the way to stop that. */
  onEnd(listener: (error: HoldfastError) => void): () => void;
}

/** What the TLS connection proved about its client: undefined where none was asked for. */
export interface Certificate {
  /** Of the subject; undefined: there is none, or more than one. */
  readonly commonName: string | undefined;
  /** The certificate's time has not ended. */
  readonly isInTime: boolean;
}

/** What a call shows. */
export interface Credentials {
  readonly authorization: string | null;
  readonly certificate: Certificate | undefined;
}

/** Says who asks; throws UNAUTHENTICATED. */
export interface Authenticator {
  caller(credentials: Credentials): Caller;
}

const BEARER = /^bearer +([\x21-\x7e]{1,512})$/i;
const WHERE =
  'the command line client finds the token in HOLDFAST_TOKEN, or in the file admin.token of the directory HOLDFAST_DATA; others send "authorization: Bearer TOKEN"';
const NEW_TOKEN = "an admin makes a new one with: holdfast token create NAME --role ROLE";

/** Knows the admin token and those of the book. */
export function createAuthenticator({ adminToken, book }: { readonly adminToken: string; readonly book: TokenBook }): Authenticator {
  const adminHash = hashOf(adminToken);
  const admin: Caller = { principal: { name: ADMIN_NAME, roles: ["admin"] }, namespaces: undefined, onEnd: () => () => undefined };
  const callerOf = (token: LiveToken): Caller => {
    const { record } = token;
    if (book.hasExpired(record)) throw unauthenticated(`the token "${record.name}" has expired; ${NEW_TOKEN}`);
    return {
      principal: { name: record.name, roles: record.roles },
      namespaces: record.namespaces.length === 0 ? undefined : new Set(record.namespaces),
      onEnd: (listener) => token.onEnd((why) => listener(unauthenticated(`${why}: "${record.name}"; ${NEW_TOKEN}`))),
    };
  };
  return {
    caller({ authorization, certificate }) {
      if (authorization === null) {
        if (certificate !== undefined) return callerOf(tokenOfCertificate(book, certificate));
        throw unauthenticated(`the call bears no token; ${WHERE}`);
      }
      const secret = BEARER.exec(authorization)?.[1];
      if (secret === undefined) throw unauthenticated(`the authorization header is not of the form: Bearer TOKEN; ${WHERE}`);
      if (timingSafeEqual(hashOf(secret), adminHash)) return admin;
      const token = book.bySecret(secret);
      if (token === undefined) throw unauthenticated(`the token is not one of this service's, or it was revoked; ${WHERE}`);
      return callerOf(token);
    },
  };
}

function tokenOfCertificate(book: TokenBook, { commonName, isInTime }: Certificate): LiveToken {
  if (commonName === undefined)
    throw unauthenticated("the client certificate's subject has no CN, or several: it names nobody; use one whose subject has one CN");
  if (!isInTime) throw unauthenticated("the client certificate has expired since the connection was made; use a new one");
  const token = book.byCertificate(commonName);
  if (token === undefined)
    throw unauthenticated(
      "no token stands for the CN of the client certificate; an admin makes one with: holdfast token create CN --role ROLE --certificate",
    );
  return token;
}

function hashOf(token: string): Buffer {
  return hash("sha256", token, "buffer");
}

function unauthenticated(message: string): HoldfastError {
  return new HoldfastError("UNAUTHENTICATED", message);
}
