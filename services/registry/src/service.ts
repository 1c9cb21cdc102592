import type { Signer, ReadTrust } from '@relearn/bundles';
import type { Workers } from '@relearn/kernel';
import { deciderPart, type Ports, type RunningService } from '@relearn/runtime';
import { pipelineDecider } from './handlers/pipelines.js';
import { type RegistryCommands, registryCommands } from './rpc/commands.js';
import { plainModelCommands } from './rpc/plain-models.js';
import type { RegistryHandlers } from './rpc/messages.js';
import { type ParsePipeline, registryHandlers } from './rpc/registry.js';

export interface RegistryOptions {
  /** Turns end `failed` when their machine time runs out; a backtest has no deadlines. */
  readonly deadlines: boolean;
  readonly parse: ParsePipeline;
  /** Where files that people register are loaded and asked; by default where all jobs run. */
  readonly trials?: Pick<Workers, 'run'>;
  /** Signs the bundles of those; absent: they are not signed. */
  readonly signer?: Signer | undefined;
  /** Whose bundles may become champion; absent: nobody's signature is asked for. */
  readonly trust?: ReadTrust | undefined;
}

/** Registry: pipelines and their turns, model versions, and the champion alias, which moves on evidence alone. */
export function createRegistry(
  ports: Ports,
  { deadlines, parse, trials = ports.workers, signer, trust }: RegistryOptions,
): RunningService & { readonly commands: RegistryCommands; readonly rpc: RegistryHandlers } {
  const decider = pipelineDecider(deadlines, trust);
  const part = deciderPart(ports, decider);
  const commands = registryCommands(ports, part.host, trust);
  const plain = plainModelCommands(ports, part.host, trials, signer);
  return {
    manifest: { name: 'registry', consumes: ['control'], produces: ['control'], collections: [] },
    parts: [part],
    deciders: [decider],
    commands,
    rpc: registryHandlers(ports, commands, plain, parse),
  };
}
