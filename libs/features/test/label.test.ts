import type { Cell, FeatureSpec } from '@relearn/contracts';
import { describe, expect, it } from 'vitest';
import { labelValue } from '../src/index.js';
import { type Given, pipelineOf } from './pipeline.js';

const count: FeatureSpec = { name: 'n', type: 'number', aggregate: 'count', by: [], window: 10 };

function labelOf(more: Partial<Given>, values: Record<string, Cell>): number | string | null {
  return labelValue(pipelineOf({ features: [count], ...more }))(values);
}

describe('the label of a raw record', () => {
  it.each<[string, Partial<Given>, Record<string, Cell>, number | string | null]>([
    ['true is 1', {}, { fraud: true }, 1],
    ['false is 0', {}, { fraud: false }, 0],
    ['the second of two classes is 1', { label: { classes: ['true', 'false'] } }, { fraud: false }, 1],
    ['a missing value is not known', {}, {}, null],
    ['a number stays', { label: { column: 'amount' } }, { amount: 2.5 }, 2.5],
    ['an infinite number is not known', { label: { column: 'amount' } }, { amount: Number.NaN }, null],
    ['a class stays a text', { label: { column: 'note' } }, { note: 'bad' }, 'bad'],
  ])('%s', (_, more, values, expected) => {
    expect(labelOf(more, values)).toBe(expected);
  });

  it('comes from an expression over the whole record, with ISO times, and is unknown where a part is', () => {
    const spec = pipelineOf({ features: [count] });
    const { column: _, ...label } = spec.label;
    const value = labelValue({ ...spec, label: { ...label, expression: 'found_at - time > 60000' } });
    expect(value({ time: '1970-01-01T00:00Z', found_at: '1970-01-01T00:02Z' })).toBe(1);
    expect(value({ time: '1970-01-01T00:00Z', found_at: '1970-01-01T00:01Z' })).toBe(0);
    expect(value({ time: '1970-01-01T00:00Z', found_at: null })).toBe(null);
  });
});
