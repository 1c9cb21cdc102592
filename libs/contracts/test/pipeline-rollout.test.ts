import { InvalidPipelineError, parsePipelineFile, specDigest } from '@relearn/contracts';
import { describe, expect, test } from 'vitest';
import { catalog, minimal } from './pipeline-fixture.js';

const rolloutOf = (rollout: string) =>
  parsePipelineFile(`${minimal}rollout: ${rollout}\n`, 'p.yaml', catalog).spec.rollout;

/** `column field: message` of each error in the rollout's line. */
function errorsOf(rollout: string): string[] {
  try {
    rolloutOf(rollout);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidPipelineError)) throw error;
    return error.errors.map(({ column, field, message }) => `${column} ${field}: ${message}`);
  }
}

describe('a rollout', () => {
  test('is direct where the file says nothing, and then it is the same pipeline as it always was', () => {
    const { spec } = parsePipelineFile(minimal, 'p.yaml', catalog);
    expect(spec.rollout).toEqual({ strategy: 'direct' });
    const written = parsePipelineFile(`${minimal}rollout: { strategy: direct }\n`, 'p.yaml', catalog);
    expect(specDigest(written.spec)).toBe(specDigest(spec));
  });

  test('of a canary has defaults for everything', () => {
    expect(rolloutOf('{ strategy: canary }')).toEqual({
      strategy: 'canary',
      steps: [0.05, 0.25, 0.5],
      requests: 200,
      judge: {
        confidence: 0.99,
        max_error_increase: 0.002,
        max_latency_ratio: 1.25,
        min_agreement: null,
        quality: 0.02,
      },
      limit: 7 * 86_400_000,
    });
  });

  test('takes what is given, null for a measure that is not judged', () => {
    const text =
      '{ strategy: canary, steps: [0.1], requests: 50, key: k, limit: 6h, judge: { quality: null, confidence: 0.95 } }';
    expect(rolloutOf(text)).toMatchObject({
      steps: [0.1],
      requests: 50,
      key: 'k',
      limit: 21_600_000,
      judge: { confidence: 0.95, quality: null, max_latency_ratio: 1.25 },
    });
  });

  test('as a shadow has one step that answers nothing', () => {
    expect(rolloutOf('{ strategy: shadow }')).toMatchObject({ strategy: 'shadow', steps: [0] });
  });

  test.each([
    ['{ strategy: slow }', "22 rollout.strategy: expected a strategy, got 'slow'"],
    ['{ steps: [0.1] }', "12 rollout.steps: a direct rollout has no 'steps'"],
    ['{ strategy: shadow, steps: [0.1] }', '30 rollout.steps: a shadow answers no requests'],
    ['{ strategy: canary, steps: [0.5, 0.2] }', '43 rollout.steps[1]: the share does not grow'],
    ['{ strategy: canary, steps: [0.6] }', '38 rollout.steps[0]: 0.6 is out of range'],
    ['{ strategy: canary, key: z }', "35 rollout.key: there is no feature 'z'"],
    ['{ strategy: canary, limit: 0s }', "37 rollout.limit: '0s' is no time at all"],
    ['{ strategy: canary, judge: { confidence: 1 } }', '51 rollout.judge.confidence: 1 is out of range'],
  ])('%s: %s', (rollout, error) => {
    expect(errorsOf(rollout)).toEqual([error]);
  });
});
