// Certificates of a test's own, made by the openssl program: CAs, servers and clients, on EC keys, for a day.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Debian: apt-get install openssl. */
const OPENSSL = process.env["OPENSSL"] ?? "openssl";

/** A certificate and its key, as PEM and as files. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A CA, and what it signs. */
export class CertificateAuthority {
  readonly ca: Issued;
  readonly #directory: string;
  readonly #name: string;
  #count = 0;

  /** `name` tells the CAs of one directory apart. */
  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
    this.ca = this.#make({ subject: `/CN=${name}`, extensions: "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign" });
  }

  /** For a service on loopback. */
  server(): Issued {
    const extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth";
    return this.#make({ subject: "/CN=holdfastd", extensions, issuer: this.ca });
  }

  /** For a client, such as `/CN=ci-bot`. */
  client(subject: string): Issued {
    return this.#make({ subject, extensions: "extendedKeyUsage=clientAuth", issuer: this.ca });
  }

  #make({ subject, extensions, issuer }: { subject: string; extensions: string; issuer?: Issued }): Issued {
    const base = join(this.#directory, `${this.#name}-${this.#count++}`);
    const [certFile, keyFile, config] = [`${base}.pem`, `${base}.key`, `${base}.cnf`];
    writeFileSync(config, `[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n[ext]\n${extensions}\n`);
    const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", keyFile, "-out", certFile];
    const signed = issuer === undefined ? [] : ["-CA", issuer.certFile, "-CAkey", issuer.keyFile];
    const form = ["-config", config, "-extensions", "ext", "-multivalue-rdn", "-subj", subject, "-days", "1"];
    execFileSync(OPENSSL, ["req", "-x509", ...fresh, ...signed, ...form], { stdio: "pipe" });
    return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8"), certFile, keyFile };
  }
}
