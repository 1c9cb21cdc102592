import { scaleSuite } from './suite.js';

scaleSuite('nats', [2]);
