import type { ParametersSchema } from '../parameters.js';

/** Names and defaults follow LightGBM's meaning, in words. */
export const boostingParameters: ParametersSchema = {
  iterations: {
    type: 'integer',
    default: 300,
    min: 1,
    max: 10_000,
    description: 'Rounds of boosting at most; a round is one tree, or one a class.',
  },
  learning_rate: {
    type: 'number',
    default: 0.08,
    min: 1e-6,
    max: 1,
    description: 'Share of each Newton step that is taken.',
  },
  max_leaves: { type: 'integer', default: 31, min: 2, max: 4096, description: 'Leaves of a tree at most.' },
  max_depth: { type: 'integer', default: 0, min: 0, max: 64, description: 'Depth of a tree at most; 0 is no limit.' },
  min_rows: { type: 'integer', default: 20, min: 1, max: 1e9, description: 'Rows of a leaf at least.' },
  min_hessian: { type: 'number', default: 1e-3, min: 0, max: 1e9, description: 'Sum of hessians of a leaf at least.' },
  min_gain: { type: 'number', default: 0, min: 0, max: 1e12, description: 'Gain of a split at least.' },
  l2: { type: 'number', default: 0, min: 0, max: 1e9, description: 'L2 penalty on leaf values.' },
  max_bins: {
    type: 'integer',
    default: 255,
    min: 2,
    max: 255,
    description: 'Bins of a column at most, that of the missing values included.',
  },
  category_smoothing: {
    type: 'number',
    default: 10,
    min: 0,
    max: 1e9,
    description:
      'Smoothing of the statistics that categories are sorted by, and the rows that a category needs to take part.',
  },
  category_l2: {
    type: 'number',
    default: 10,
    min: 0,
    max: 1e9,
    description: 'L2 penalty added in splits of many categories against many.',
  },
  category_limit: {
    type: 'integer',
    default: 32,
    min: 1,
    max: 254,
    description: 'Categories on the named side of a split at most.',
  },
  row_fraction: {
    type: 'number',
    default: 1,
    min: 0.01,
    max: 1,
    description: 'Share of the rows that each round is grown on.',
  },
  feature_fraction: {
    type: 'number',
    default: 1,
    min: 0.01,
    max: 1,
    description: 'Share of the columns that each round may split on; at least one.',
  },
  early_stopping_rounds: {
    type: 'integer',
    default: 30,
    min: 0,
    max: 10_000,
    description: 'Stop after so many rounds without a lower validation loss and keep the best; 0 never stops early.',
  },
};
