export { type BacktestOptions, type BacktestProgress, runBacktest } from './backtest/run.js';
export type { BacktestReport } from './backtest/report.js';
export { type Address, type Config, readConfig } from './config/config.js';
export { type OpenedPorts, openPorts } from './open-ports.js';
export { loadPipeline, namedFiles, parsePipeline, pipelineCatalog } from './pipeline/parse.js';
export { Replay, type ReplayOptions } from './replay/replay.js';
export { serviceNames, type ServiceName } from './services.js';
export { type Platform, type PlatformOptions, processKernel, startPlatform, version } from './start.js';
