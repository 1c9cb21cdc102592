export type { GivenRecord, Rejection, RejectionCode } from './domain/door.js';
export {
  createDoor,
  type Door,
  type LabelsRequest,
  NothingAccepted,
  type PublishAnswer,
  type PublishRequest,
} from './handlers/door.js';
export { type IngestProgress, type IngestResult, ingestFile } from './handlers/ingest-file.js';
export { publishClock, publishRecorded } from './handlers/publish-recorded.js';
export { mostRequestBytes, registerIngestionRoutes } from './http/routes.js';
export {
  openRecorded,
  type RecordedBatch,
  type RecordedFile,
  type RecordedLog,
  type RejectedRow,
} from './recorded/recorded-log.js';
export type { LoadOptions } from './recorded/recorded-table.js';
export { type IngestionHandlers, ingestionHandlers, ingestionService } from './rpc/publish.js';
export { createIngestion, type IngestionOptions } from './service.js';
