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
  const decider = deciderPart(ports, pipelineDecider(options.deadlines));
  return {
    manifest: { name: 'registry', consumes: ['control'], produces: ['control'], collections: [] },
    parts: [decider],
    commands: registryCommands(ports, decider.host),
  };
}
