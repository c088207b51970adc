// The arguments of `http`: a single request with an optional check, or a handshake of prepare, commit and status.
// 1. What belongs to the one form is refused in the other (the rules are in http.ts), so that no argument is ignored in silence.

import type { ArgSchema, ArgsOf } from "./arg-schema.ts";
import { urlFault } from "./http-call.ts";

const URL_ARG = { type: "string", refuse: urlFault } as const;
const METHOD = { type: "string", allowed: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] } as const;
const EXPECT = { type: "string", min: 1, max: 4_096 } as const;
const HEADERS = {
  type: "object",
  default: {},
  max: 64,
  values: { type: "string", refuse: (text) => (/[\r\n\0]/.test(text) ? "must be one line" : undefined), description: "A value." },
  description: "Headers. A secret goes in as `${{ secret('name') }}`.",
} as const satisfies ArgSchema[string];
const EXPECT_STATUS = {
  type: "list",
  min: 1,
  max: 64,
  items: { type: "int", min: 100, max: 599, description: "A status." },
  description: "The statuses that are answers. Default: 200 to 299.",
} as const;
const PAYLOAD = {
  json: { type: "any", description: "The body as JSON; sets `Content-Type`." },
  body: { type: "string", description: "The body as text." },
} as const satisfies ArgSchema;
const LOOK = {
  url: { ...URL_ARG, required: true, description: "What to GET. Idempotent, and it must not change anything." },
  headers: HEADERS,
  expect_status: EXPECT_STATUS,
  expect: { ...EXPECT, required: true, description: "CEL over `body`, `status`, `headers`: true when the work is done." },
} as const satisfies ArgSchema;

/** The declaration, from which docs/actions/http.md has its table. */
export const HTTP_SCHEMA = {
  method: { ...METHOD, default: "GET", description: "The method." },
  url: { ...URL_ARG, description: "The whole URL, `http://` or `https://`." },
  headers: HEADERS,
  ...PAYLOAD,
  expect_status: EXPECT_STATUS,
  expect: { ...EXPECT, description: "CEL over `body`, `status`, `headers` and the workflow's names that must be true of the answer." },
  follow_redirects: {
    type: "bool",
    default: false,
    description: "Follow redirects of GET and HEAD, at most 5; another origin gets none of `headers`.",
  },
  idempotent: { type: "bool", default: false, description: "The author's promise that the request may be repeated with the same result." },
  check: {
    type: "object",
    fields: LOOK,
    description: "How to see that the work of a request other than GET is done: before it, after it, and after a crash.",
  },
  prepare: {
    type: "object",
    fields: {
      method: { ...METHOD, default: "POST", description: "The method." },
      url: { ...URL_ARG, required: true, description: "Where the other service prepares the work, without doing it." },
      headers: HEADERS,
      ...PAYLOAD,
      expect_status: EXPECT_STATUS,
      id: { ...EXPECT, required: true, description: "CEL over `body`, `status`, `headers`: the ID that the other service gave." },
    },
    description: "First half of a handshake, instead of `url`. Its ID is on disk before `commit` is sent.",
  },
  commit: {
    type: "object",
    fields: {
      method: { ...METHOD, default: "POST", description: "The method." },
      url: {
        ...URL_ARG,
        required: true,
        description: "Where the work is done. `{remote_id}` in it, in `headers`, `json` and `body` is the ID.",
      },
      headers: HEADERS,
      ...PAYLOAD,
      expect_status: EXPECT_STATUS,
      expect: { ...EXPECT, description: "As above." },
    },
    description: "Second half of a handshake.",
  },
  status: {
    type: "object",
    fields: LOOK,
    description: "How to see that a commit was done; `{remote_id}` in `url` and `headers` is the ID. It makes the handshake idempotent.",
  },
} as const satisfies ArgSchema;

/** Arguments of `http`. */
export type HttpArgs = ArgsOf<typeof HTTP_SCHEMA>;
