export { measureRuns, type RunFigures } from './measure-runs.js';
export { measureServing, type ServingFigures } from './measure-serving.js';
export { type LevelFigures, type Sizing, sizingOf, type Target, usableShare } from './sizing.js';
