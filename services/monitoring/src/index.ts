export * from './service.js';
export { type MonitoringCommands, type MonitoringHandlers, monitoringService } from './rpc/monitoring.js';
