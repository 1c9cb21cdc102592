export { formatTimestamp, parseTimestamp } from '@relearn/kernel';
export { openTable } from './open.js';
export { type ColumnProfile, profileTable } from './profile.js';
export type { Cell, ChunkOptions, ColumnType, TableChunk, TableFile, TableSchema } from './table.js';
export { profileTimes, type TimesOfColumn, type TimesProfile } from './times.js';
