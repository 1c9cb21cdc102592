export type * from './deps.js';
export { ConsoleView } from './read-model/console-view.js';
export type * from './read-model/shapes.js';
export { answerOf, type ErrorAnswer } from './rest/errors.js';
export { registerConsolePage } from './page/register.js';
export type { EventPage, ShownEvent } from './rest/event-log.js';
export { openReadApi, type ReadApi, registerConsoleRoutes } from './rest/register.js';
