import { parseDuration } from '@relearn/kernel';
import { defaults } from './defaults.js';
import { suggest } from './did-you-mean.js';
import type { PipelineFile } from './file-schema.js';
import type { Report } from './resolve-columns.js';
import type { RolloutSpec } from './rollout-spec.js';
import type { FeatureSpec } from './spec.js';

/** `rollout` with its defaults. */
export function resolveRollout(file: PipelineFile, features: readonly FeatureSpec[], report: Report): RolloutSpec {
  const { strategy = 'direct', ...given } = file.rollout ?? {};
  if (strategy === 'direct') {
    for (const name of Object.keys(given)) {
      report(['rollout', name], `a direct rollout has no '${name}'`, 'Remove it, or write a strategy above it.', 'key');
    }
    return { strategy };
  }
  if (strategy === 'shadow' && given.steps !== undefined) {
    report(['rollout', 'steps'], 'a shadow answers no requests', 'Remove it, or write `strategy: canary`.', 'key');
  }
  const steps = strategy === 'shadow' ? [0] : [...(given.steps ?? defaults.rollout.steps)];
  const falls = steps.findIndex((share, index) => index > 0 && share <= (steps[index - 1] ?? 0));
  if (falls > 0) report(['rollout', 'steps', falls], 'the share does not grow', 'Write growing shares.');
  const names = features.map(({ name }) => name);
  if (given.key !== undefined && !names.includes(given.key)) {
    report(['rollout', 'key'], `there is no feature '${given.key}'`, suggest(given.key, names, 'Features'));
  }
  const judge = { ...defaults.rollout.judge, ...given.judge };
  return {
    strategy,
    steps,
    requests: given.requests ?? defaults.rollout.requests,
    ...(given.key === undefined ? {} : { key: given.key }),
    judge,
    limit: parseDuration(given.limit ?? defaults.rollout.limit),
  };
}
