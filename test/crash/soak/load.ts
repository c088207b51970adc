// A steady load: so many clients of the command line and of the SDK, each of which asks for one workflow after the other until the time is over.
// 1. The SDK's clients write a logbook too, as the documentation says: request, Submit, ID, Exec, end.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { SubmitRequestSchema } from "../../../internal/gen/holdfast/v1/workflow_service_pb.ts";
import { credentialMark, execEntry, newEntry, noteEnd, submitEntry } from "../../../internal/sdk/handshake.ts";
import type { HandshakePorts } from "../../../internal/sdk/handshake.ts";
import { Logbook } from "../../../internal/sdk/logbook.ts";
import { diskFiles } from "../../../internal/sdk/logbook-files.ts";
import { followWorkflow } from "../../../internal/sdk/persistence.ts";
import { readWorkflowFile } from "../../../internal/sdk/workflow-file.ts";
import type { Chance } from "../../sim/chance.ts";
import type { ClientCrew } from "../campaign/client-crew.ts";
import { clientOf } from "../campaign/records.ts";
import { drawWork } from "../campaign/work.ts";
import type { Work } from "../campaign/work.ts";
import type { Scene } from "../scene.ts";

const GIVE_UP_MS = 3_600_000;
const THINK_MS = { least: 50, most: 800 } as const;

/** Who asks, and for how long. */
export interface Load {
  readonly scene: Scene;
  readonly crew: ClientCrew;
  readonly chance: Chance;
  readonly isOver: () => boolean;
}

/** Counts what was asked for. */
export class Asked {
  workflows = 0;
}

/** One user of the command line: run after run. A client that was killed is resumed by the next one. */
export async function commandLineUser({ scene, crew, chance, isOver }: Load, asked: Asked): Promise<void> {
  while (!isOver()) {
    const work = nextWork(chance, asked);
    const end = await crew.run("run", scene.write(`${work.name}.yaml`, work.text));
    if (end.code === null && chance.hit(0.5)) await crew.run("resume");
    await think(chance);
  }
}

/** One program that uses the SDK. */
export async function sdkUser({ scene, crew, chance, isOver }: Load, asked: Asked): Promise<void> {
  const ports = sdkPorts(scene);
  while (!isOver()) {
    const work = nextWork(chance, asked);
    const { definition } = await readWorkflowFile(work.text, { file: work.name, readSource: async () => undefined });
    const request = create(SubmitRequestSchema, { requestId: randomUUID(), definition, annotations: { by: "sdk" } });
    const service = { address: scene.daemon.address, credential: credentialMark(scene.daemon.token) };
    const fresh = newEntry(request, { intent: "exec", file: work.name, service, nowMs: Date.now() });
    const { entry } = await patiently(() => submitEntry(ports, fresh, request, { isFirstTry: false }));
    crew.acknowledged.add(entry.id ?? "");
    const executed = await execEntry(ports, entry);
    const workflow = { id: entry.id ?? "", namespace: "" };
    let { status } = executed;
    const following = { workflow, afterSeq: 0n, isStatusOnly: chance.hit(0.5) };
    await patiently(async () => {
      for await (const answer of followWorkflow(ports.client, following, ports.patience)) status = answer.status ?? status;
    });
    await noteEnd(ports, executed.entry, status);
    await ports.logbook.prune();
    await think(chance);
  }
}

/** A first contact with a service that is away fails at once; this user has time. */
async function patiently<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "UNAVAILABLE") throw error;
      await sleep(THINK_MS.most);
    }
  }
}

function nextWork(chance: Chance, asked: Asked): Work {
  return drawWork(chance, `w${asked.workflows++}`);
}

async function think(chance: Chance): Promise<void> {
  await sleep(chance.int(THINK_MS.least, THINK_MS.most));
}

function sdkPorts(scene: Scene): HandshakePorts {
  const clock = {
    nowMs: () => Date.now(),
    after: (delayMs: number, callback: () => void) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  };
  return {
    client: clientOf(scene),
    logbook: new Logbook({ stateDirectory: join(scene.daemon.directory, "state"), files: diskFiles, clock }),
    patience: {
      clock,
      giveUpAfterMs: GIVE_UP_MS,
      onTrouble: () => undefined,
      onRecovered: () => undefined,
      signal: new AbortController().signal,
    },
  };
}
