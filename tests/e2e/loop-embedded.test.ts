import { loopSuite } from './loop-suite.js';
import { embedded } from './modes.js';

loopSuite(embedded);
