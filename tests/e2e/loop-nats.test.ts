import { loopSuite } from './loop-suite.js';
import { distributed } from './modes.js';

loopSuite(distributed('nats'));
