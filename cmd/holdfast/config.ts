// The client's defaults, and where it finds the service and its token.
// 1. The admin token that lies in a local data directory is sent to this machine only.

import { join } from "node:path";
import { HoldfastError } from "../../internal/base/errors.ts";
import { isJsonObject } from "../../internal/base/json.ts";
import type { ClientTls } from "../../internal/sdk/client-transport.ts";
import { stateDirectory } from "../../internal/sdk/logbook.ts";
import type { World } from "./world.ts";

export const ADDRESS_DEFAULT = "http://127.0.0.1:7543";
export const CALL_TIMEOUT_MS = 60_000;
export const GIVE_UP_AFTER_DEFAULT = "1h";

const TOKEN = /^[\x21-\x7e]+$/;
const TOKEN_BYTES_MAX = 4_096;
const SERVICE_FILE_BYTES_MAX = 65_536;
const PEM_BYTES_MAX = 1024 * 1024;

/** Where the service is, the token to show, and whom to trust. */
export interface Connection {
  readonly address: string;
  readonly token: string;
  readonly tls: ClientTls;
}

/** What the flags say of it; undefined: nothing. */
export interface ConnectionFlags {
  readonly addr: string | undefined;
  readonly token: string | undefined;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly certKey: string | undefined;
}

/** The data directory of a service on this machine: HOLDFAST_DATA, else the one that holdfastd uses by default. */
export function dataDirectory(world: Pick<World, "env" | "home">): string {
  const { HOLDFAST_DATA: data } = world.env;
  return data !== undefined && data !== ""
    ? data
    : join(stateDirectory({ ...world.env, HOLDFAST_STATE_DIR: undefined }, world.home), "data");
}

/** By flag, else environment, else what the local service wrote into its data directory, else the default. */
export async function findConnection(world: World, flags: ConnectionFlags): Promise<Connection> {
  const data = dataDirectory(world);
  const named = flags.addr ?? given(world.env["HOLDFAST_ADDR"]);
  const address = named === undefined ? ((await recordedAddress(world, data)) ?? ADDRESS_DEFAULT) : parseAddress(named);
  const tls = await readTls(world, flags);
  const token = flags.token ?? given(world.env["HOLDFAST_TOKEN"]);
  if (token !== undefined) return { address, tls, token: parseToken(token) };
  // Who shows a certificate wants to be known by it.
  const isAdmin = isThisMachine(address) && tls.cert === undefined;
  return { address, tls, token: isAdmin ? await adminToken(world, data) : "" };
}

/** The PEM files that the flags or the environment name. */
async function readTls(world: World, flags: ConnectionFlags): Promise<ClientTls> {
  const read = async (path: string | undefined, flag: string): Promise<string | undefined> => {
    if (path === undefined) return undefined;
    const bytes = await world.readFile(path, PEM_BYTES_MAX);
    const text = bytes === undefined ? "" : Buffer.from(bytes).toString("utf8");
    if (text.includes("-----BEGIN ")) return text;
    const found = bytes === undefined ? "there is no such file" : "it holds nothing in PEM form";
    throw new HoldfastError("INVALID_ARGUMENT", `${flag}: ${path}: ${found}; look at what is named there`);
  };
  const { HOLDFAST_CA: ca, HOLDFAST_CERT: cert, HOLDFAST_CERT_KEY: key } = world.env;
  const tls = {
    ca: await read(flags.ca ?? given(ca), "--ca or HOLDFAST_CA"),
    cert: await read(flags.cert ?? given(cert), "--cert or HOLDFAST_CERT"),
    key: await read(flags.certKey ?? given(key), "--cert-key or HOLDFAST_CERT_KEY"),
  };
  if ((tls.cert === undefined) === (tls.key === undefined)) return tls;
  throw new HoldfastError(
    "INVALID_ARGUMENT",
    "a client certificate needs both, --cert and --cert-key (HOLDFAST_CERT and HOLDFAST_CERT_KEY); name the one that is missing",
  );
}

/** Where a local service that nobody named by address says that it is now; undefined: it was named, or says nothing while it is down. */
export async function recordedConnection(world: World, flags: ConnectionFlags): Promise<Connection | undefined> {
  const isNamed = (flags.addr ?? given(world.env["HOLDFAST_ADDR"])) !== undefined;
  if (isNamed || (await recordedAddress(world, dataDirectory(world))) === undefined) return undefined;
  return findConnection(world, flags);
}

/** `http://host:port` without anything after it; a bare host:port is http. */
export function parseAddress(text: string): string {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (
    url !== null &&
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.username === "" &&
    url.search === "" &&
    url.hash === ""
  ) {
    return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
  }
  throw new HoldfastError("INVALID_ARGUMENT", `the service's address must look like ${ADDRESS_DEFAULT}; see --addr and HOLDFAST_ADDR`);
}

/** What can stand in a header; the library's own error would show the token. */
function parseToken(token: string): string {
  if (TOKEN.test(token)) return token;
  throw new HoldfastError(
    "INVALID_ARGUMENT",
    "the token holds a blank, a line break or another character that no token has; look at --token and HOLDFAST_TOKEN",
  );
}

function isThisMachine(address: string): boolean {
  const host = URL.parse(address)?.hostname ?? "";
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

async function recordedAddress(world: World, data: string): Promise<string | undefined> {
  const bytes = await readQuietly(world, join(data, "service.json"), SERVICE_FILE_BYTES_MAX);
  if (bytes === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    const address = isJsonObject(json) ? json["address"] : undefined;
    return typeof address === "string" ? parseAddress(address) : undefined;
  } catch {
    return undefined; // torn while the service was starting: the default address is tried
  }
}

async function adminToken(world: World, data: string): Promise<string> {
  const bytes = await readQuietly(world, join(data, "admin.token"), TOKEN_BYTES_MAX);
  const token = bytes === undefined ? "" : Buffer.from(bytes).toString("utf8").trim();
  return TOKEN.test(token) ? token : ""; // torn or not ours: the service then says what is missing
}

/** A file that another user owns is as good as absent: the service then says what is missing. */
async function readQuietly(world: World, path: string, bytesMax: number): Promise<Uint8Array | undefined> {
  try {
    return await world.readFile(path, bytesMax);
  } catch {
    return undefined;
  }
}

function given(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}
