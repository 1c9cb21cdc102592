import { scaleSuite } from './suite.js';

scaleSuite('kafka', [2, 4]);
