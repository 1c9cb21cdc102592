export { forwarding } from './forwarding.js';
export * from './port.js';
