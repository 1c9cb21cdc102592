/** What decides which processes there are; none of it loads a service. */
export { inSeveralProcesses, readConfig } from '../config/config.js';
export { serviceNames } from '../service-names.js';
export type { Doors } from './line.js';
export { type Member, memberOf } from './member.js';
export { supervise, type SupervisorOptions } from './supervisor.js';
