import type { MonitoringDoor, RegistryDoor } from '@relearn/console';
import type { Clock } from '@relearn/kernel';
import { monitoringService } from '@relearn/monitoring';
import { registryService } from '@relearn/registry';
import { actorMetadata } from '@relearn/rpc';
import type { Catalog } from '@relearn/runtime';
import type { Peers } from './peers.js';

const answerWithinMs = 30_000;
/** A large model takes its time to be loaded and asked. */
const registerWithinMs = 120_000;

/** What people and replays tell registry and monitoring to do, wherever those run: each aggregate keeps one writer. */
export interface Commands {
  readonly registry: RegistryDoor;
  readonly monitoring: MonitoringDoor;
}

export function commandsOver(peers: Peers, catalog: Catalog, clock: Clock): Commands {
  const registry = peers.client('registry', registryService);
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
    monitoring: {
      requestRetrain: async (pipeline, actor) => (await monitoring.requestRetrain({ pipeline }, by(actor))).request,
    },
  };
}
