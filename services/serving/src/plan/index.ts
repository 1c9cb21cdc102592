export { trialOf } from '../inference/signature.js';
export { measureRuns, type RunFigures } from './measure-runs.js';
export { type LevelFigures, quantile, type Sizing, sizingOf, type Target } from './sizing.js';
