import { deciderPart, type Ports, type RunningService } from '@relearn/runtime';
import { pipelineDecider } from './handlers/pipelines.js';
import { type RegistryCommands, registryCommands } from './rpc/commands.js';

export interface RegistryOptions {
  /** Turns end `failed` when their machine time runs out; a backtest has no deadlines. */
  readonly deadlines: boolean;
}

/** Registry: pipelines and their turns, model versions, and the champion alias, which moves on evidence alone. */
export function createRegistry(
  ports: Ports,
  options: RegistryOptions,
): RunningService & { readonly commands: RegistryCommands } {
  const decider = pipelineDecider(options.deadlines);
  const part = deciderPart(ports, decider);
  return {
    manifest: { name: 'registry', consumes: ['control'], produces: ['control'], collections: [] },
    parts: [part],
    deciders: [decider],
    commands: registryCommands(ports, part.host),
  };
}
