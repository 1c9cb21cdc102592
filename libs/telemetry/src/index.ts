export type { Rendered } from './exposition.js';
export type { Figures } from './figures.js';
export { JointMetrics } from './joint-metrics.js';
export * from './log.js';
export * from './metrics.js';
export * from './names.js';
export * from './telemetry.js';
export * from './traceparent.js';
export * from './tracing.js';
