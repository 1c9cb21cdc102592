export { GrpcChannel, type GrpcChannelOptions } from './channel.js';
export {
  type AnsweredCall,
  type GrpcFront,
  type GrpcServer,
  grpcServer,
  type GrpcServerOptions,
} from './grpc-server.js';
export { HealthBoard, healthService, type ServingStatus } from './health.js';
