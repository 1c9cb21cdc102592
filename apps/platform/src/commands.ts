import type { MonitoringDoor, RegistryDoor, ServingDoor } from '@relearn/console';
import type { Clock } from '@relearn/kernel';
import { monitoringService } from '@relearn/monitoring';
import { registryService } from '@relearn/registry';
import { servingService } from '@relearn/serving';
import { actorMetadata, cellsOf, scalarsOf } from '@relearn/rpc';
import type { Catalog } from '@relearn/runtime';
import type { Peers } from './peers.js';

const answerWithinMs = 30_000;
/** A large model takes its time to be loaded and asked. */
const registerWithinMs = 120_000;

/** What people and replays tell registry and monitoring to do, wherever those run: each aggregate keeps one writer. */
export interface Commands {
  readonly registry: RegistryDoor;
  readonly monitoring: MonitoringDoor;
  readonly serving: ServingDoor;
}

export function commandsOver(peers: Peers, catalog: Catalog, clock: Clock): Commands {
  const registry = peers.client('registry', registryService);
  const serving = peers.client('serving', servingService);
  const monitoring = peers.client('monitoring', monitoringService);
  const by = (actor: string, withinMs = answerWithinMs) => ({
    metadata: actorMetadata(actor),
    deadline: clock.now() + withinMs,
  });
  return {
    registry: {
      async apply(file, name, actor) {
        const applied = await registry.apply({ file, name }, by(actor));
        // What follows here may count on it.
        await catalog.known(applied.pipeline, applied.version);
        return applied;
      },
      async promote(pipeline, model, actor) {
        await registry.promote({ pipeline, model }, by(actor));
      },
      async rollBack(pipeline, model, reason, actor) {
        await registry.rollBack({ pipeline, model: model ?? 0, reason }, by(actor));
      },
      async pin(pipeline, reason, actor) {
        await registry.pin({ pipeline, reason }, by(actor));
      },
      async unpin(pipeline, reason, actor) {
        await registry.unpin({ pipeline, reason }, by(actor));
      },
      async registerModel(name, onnx, alias, actor) {
        const registered = await registry.registerModel({ name, onnx, alias }, by(actor, registerWithinMs));
        await catalog.registered(name, registered.model);
        return registered;
      },
    },
    serving: {
      async predict({ pipeline, version, id, rows }) {
        const wanted = rows.map(({ entity, columns, eventId }) => ({
          entity: scalarsOf(entity),
          columns: scalarsOf(columns),
          eventId,
        }));
        const deadline = clock.now() + answerWithinMs;
        const answer = await serving.predict({ pipeline, modelVersion: version, id, rows: wanted }, { deadline });
        const { modelVersion, arm, rows: predicted } = answer;
        return {
          version: modelVersion,
          arm,
          rows: predicted.map(({ outputs, features }) => ({ outputs: cellsOf(outputs), features: features ?? null })),
        };
      },
    },
    monitoring: {
      requestRetrain: async (pipeline, actor) => (await monitoring.requestRetrain({ pipeline }, by(actor))).request,
    },
  };
}
