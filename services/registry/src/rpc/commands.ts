import type { Blobs } from '@relearn/blobs';
import { mustTrust, readBundle, type ReadTrust, type Trust } from '@relearn/bundles';
import { modelPromoted, modelRolledBack, type DataOf, type PipelineSpec, partitionFor } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { type AggregateHost, businessNow, type Decision, type Ports } from '@relearn/runtime';
import { apply, pin, promote, rollBack, unpin } from '../domain/commands.js';
import type { PipelineState } from '../domain/state.js';

export interface RegistryCommands {
  /** Makes the file's pipeline the version in force; answers it. The same content again changes nothing. */
  apply(spec: PipelineSpec, digest: string, actor: string): Promise<{ version: number; changed: boolean }>;
  /** Throws REFUSED without evidence. */
  promote(pipeline: string, model: number, actor: string): Promise<void>;
  /** Without a model back to what answered before: the end of a rollout, else the champion before. */
  rollBack(pipeline: string, model: number | null, reason: string, actor: string): Promise<void>;
  /** Nothing moves the champion alias until it is unpinned. Throws REFUSED without a champion. */
  pin(pipeline: string, reason: string, actor: string): Promise<void>;
  unpin(pipeline: string, reason: string, actor: string): Promise<void>;
  state(pipeline: string): Promise<PipelineState>;
}

export function registryCommands(
  ports: Ports,
  host: AggregateHost<PipelineState>,
  trust?: ReadTrust,
): RegistryCommands {
  const known = (pipeline: string) => {
    if (ports.catalog.latest(pipeline) === undefined && ports.catalog.plain(pipeline) === undefined)
      throw new RelearnError('NOT_FOUND', `no pipeline and no model '${pipeline}'`);
  };
  const tell = async (pipeline: string, actor: string, decide: (state: PipelineState) => Decision) => {
    known(pipeline);
    if (trust !== undefined) await mustTrustMoves(ports.blobs, trust(), pipeline, decide(await host.state(pipeline)));
    await host.command(pipeline, await businessNow(ports, pipeline), actor, decide);
  };
  const shardsOf = (spec: PipelineSpec) =>
    spec.source.shard_by === undefined
      ? [partitionFor(spec.name, ports.partitions)]
      : Array.from({ length: ports.partitions }, (_, partition) => partition);
  return {
    async apply(spec, digest, actor) {
      const now = await businessNow(ports, spec.name);
      const events = await host.command(spec.name, now, actor, (state) => apply(state, spec, digest, shardsOf(spec)));
      const { version } = await host.state(spec.name);
      await ports.catalog.known(spec.name, version);
      return { version, changed: events.length > 0 };
    },
    promote: (pipeline, model, actor) => tell(pipeline, actor, (state) => promote(state, model)),
    rollBack: (pipeline, model, reason, actor) => tell(pipeline, actor, (state) => rollBack(state, model, reason)),
    pin: (pipeline, reason, actor) => tell(pipeline, actor, (state) => pin(state, reason)),
    unpin: (pipeline, reason, actor) => tell(pipeline, actor, (state) => unpin(state, reason)),
    state: (pipeline) => host.state(pipeline),
  };
}

/** What would become champion must be fit to be served. Throws REFUSED. */
async function mustTrustMoves(blobs: Blobs, trust: Trust, name: string, { events = [] }: Decision): Promise<void> {
  for (const { type, data } of events) {
    if (type.type !== modelPromoted.type && type.type !== modelRolledBack.type) continue;
    const { bundle } = data as DataOf<typeof modelPromoted>;
    mustTrust(trust, name, bundle, await readBundle(blobs, bundle));
  }
}
