import { scaleSuite, whole } from './suite.js';

scaleSuite('nats', whole ? [2] : []);
