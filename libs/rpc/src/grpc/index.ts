export { GrpcChannel, type GrpcChannelOptions } from './channel.js';
export { HealthBoard, healthService, type ServingStatus } from './health.js';
export { type AnsweredCall, GrpcServer, type GrpcServerOptions } from './server.js';
