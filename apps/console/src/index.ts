export type * from './deps.js';
export { ConsoleView } from './read-model/console-view.js';
export type * from './read-model/shapes.js';
export { answerOf, type ErrorAnswer } from './rest/errors.js';
export { type EventPage, type EventQuery, readEvents, type ShownEvent } from './rest/event-log.js';
export { deadLetters } from './rest/reading-routes.js';
export { registerConsolePage } from './page/register.js';
export { registerConsoleRoutes } from './rest/register.js';
