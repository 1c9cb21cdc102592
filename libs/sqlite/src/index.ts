export { builtModule } from './built-module.js';
export type { OpenOperations, OperationTable, Room, Sql, SqlStatement, SqlValue } from './contract.js';
export { openSqlite, type SqliteEngine, type SqliteOptions } from './engine.js';
