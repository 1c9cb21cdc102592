export * from './service.js';
export type { RegistryHandlers } from './rpc/messages.js';
export { type ParsePipeline, registryService } from './rpc/registry.js';
export type { RegistryCommands } from './rpc/commands.js';
export type { PipelineState } from './domain/state.js';
