export * from './service.js';
export type { RegistryCommands } from './rpc/commands.js';
export type { PipelineState } from './domain/state.js';
