// Every action that changes a target keeps the contract of actions over ssh too: a real sshd, and the service's own transport.

import { existsSync, rmSync, symlinkSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe } from "vitest";
import { present } from "../../internal/base/assert.ts";
import type { Transport } from "../../internal/engine/ports.ts";
import { TargetSchema } from "../../internal/gen/holdfast/v1/workflow_pb.ts";
import { createTransport } from "../../internal/transport/transport.ts";
import { startSshd } from "../e2e/sshd.ts";
import type { SshdHost } from "../e2e/sshd.ts";
import { ACTION_CASES } from "./action-cases.ts";
import { actionContractAt, deathContractAt } from "./action-contract.ts";
import type { ActionPlace, DeadlyPlace } from "./action-contract.ts";
import { transportOptions } from "./transport-bench.ts";

let sshd: SshdHost | undefined;
let transport: (Transport & { close(): Promise<void> }) | undefined;

beforeAll(async () => {
  sshd = await startSshd({ pathFront: "front" });
  transport = createTransport(transportOptions(sshd.dir));
});

afterAll(async () => {
  await transport?.close();
  await sshd?.remove();
});

for (const subject of ACTION_CASES) {
  describe(`${subject.name} keeps the contract of actions over ssh`, () => {
    actionContractAt(subject, sshPlace);
    deathContractAt(subject, deadlySshPlace);
  });
}

/** The host over ssh: its paths are those of the machine. */
function sshPlace(): ActionPlace {
  const { host, port, user, identity, knownHosts, config } = present(sshd, "the host");
  const connection = { kind: { case: "ssh", value: { host, port, user, identity, knownHosts, config } } } as const;
  const target = create(TargetSchema, { name: "web-01", labels: { site: "ams" }, connection });
  return { transport: present(transport, "the transport"), target: (directory) => ({ target, prefix: directory }) };
}

/** The same; the directory in front of the PATH of its sessions is a link that comes and goes. */
function deadlySshPlace(): DeadlyPlace {
  const front = `${present(sshd, "the host").dir}/front`;
  return {
    place: sshPlace(),
    isShimMortal: true,
    putInFront: (directory) => symlinkSync(directory, front),
    takeAway: () => {
      if (existsSync(front)) rmSync(front);
    },
  };
}
