export * from './service.js';
export { type TrainingHandlers, trainingService } from './rpc/training.js';
