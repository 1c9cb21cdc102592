export {
  openRecorded,
  type RecordedBatch,
  type RecordedFile,
  type RecordedLog,
  type RejectedRow,
} from './recorded/recorded-log.js';
export type { LoadOptions } from './recorded/recorded-table.js';
export { publishClock, publishRecorded } from './handlers/publish-recorded.js';
