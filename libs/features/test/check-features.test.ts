import type { FeatureSpec } from '@relearn/contracts';
import { describe, expect, it } from 'vitest';
import { checkFeatures, createFeatureEngine, featureColumns } from '../src/index.js';
import { type Given, pipelineOf } from './pipeline.js';

type Aggregate = Extract<FeatureSpec, { aggregate: unknown }>;
const count: Aggregate = { name: 'n', type: 'number', aggregate: 'count', by: ['shop'], window: 10 };
const aggregate = (more: Partial<Aggregate>): FeatureSpec => ({ ...count, ...more });
const join = (more: Partial<Extract<FeatureSpec, { join: unknown }>>): FeatureSpec => ({
  name: 'p',
  type: 'number',
  join: 'prices',
  column: 'price',
  on: { shop: 'shop' },
  max_age: 10,
  ...more,
});
const text: Partial<Given> = {
  columns: { verdict: { type: 'category', nullable: true } },
  label: { column: 'verdict', classes: ['good', 'bad'] },
};
const three: Partial<Given> = { ...text, task: 'multiclass', label: { column: 'verdict', classes: ['a', 'b', 'c'] } };

describe('findings about features', () => {
  it.each<[string, FeatureSpec, string, RegExp, RegExp?, Partial<Given>?]>([
    ['an unknown column', { name: 'f', type: 'number', column: 'amuont' }, 'features.0.column', /unknown/, /'amount'/],
    ['the label', { name: 'f', type: 'number', column: 'fraud' }, 'features.0.column', /not known when/, /of: label/],
    ['when the label is known', { name: 'f', type: 'number', column: 'found_at' }, 'features.0.column', /not known/],
    [
      'a label in an expression',
      { name: 'f', type: 'number', expression: 'if(fraud, 1, 0)' },
      'features.0.expression',
      /not known when/,
    ],
    ['a text as a number', { name: 'f', type: 'number', column: 'note' }, 'features.0.type', /no number/, /category/],
    ['a time as a category', { name: 'f', type: 'category', column: 'due' }, 'features.0.type', /no category/],
    ['a wrong expression', { name: 'f', type: 'number', expression: 'amount +' }, 'features.0.expression', /column 9/],
    [
      'a text expression as a number',
      { name: 'f', type: 'number', expression: 'upper(note)' },
      'features.0.type',
      /no number/,
    ],
    ['an unknown key', aggregate({ by: ['shpo'] }), 'features.0.by.0', /unknown column 'shpo'/, /'shop'/],
    ['a window without length', aggregate({ window: 0 }), 'features.0.window', /no length/],
    ['a sum of nothing', aggregate({ aggregate: 'sum' }), 'features.0', /needs a column/],
    ['a sum of texts', aggregate({ aggregate: 'sum', of: 'note' }), 'features.0.of', /sum of a string/],
    ['a count as a category', aggregate({ type: 'category' }), 'features.0.type', /gives a number/],
    ['the last text as a number', aggregate({ aggregate: 'last', of: 'note' }), 'features.0.type', /no number/],
    [
      'an aggregate of what comes later',
      aggregate({ aggregate: 'mean', of: 'fraud' }),
      'features.0.of',
      /not known when/,
    ],
    [
      'a mean of three classes',
      aggregate({ aggregate: 'mean', of: 'label' }),
      'features.0.aggregate',
      /class names/,
      /count/,
      three,
    ],
    ['a lag of an unknown column', { name: 'f', type: 'number', lag: 1, of: 'x', by: [] }, 'features.0.of', /unknown/],
    ['an unknown stream', join({ join: 'pricse' }), 'features.0.join', /unknown context/, /'prices'/],
    ['an unknown context column', join({ column: 'prce' }), 'features.0.column', /'prce' of prices/, /'price'/],
    ['an unknown joined column', join({ on: { shop: 'shp' } }), 'features.0.on.shop', /'shp' of prices/],
    ['keys that never match', join({ on: { amount: 'shop' } }), 'features.0.on.amount', /never equals/],
    ['a join without age', join({ max_age: 0 }), 'features.0.max_age', /no length/],
    [
      'a window over shards',
      aggregate({ by: ['till'] }),
      'features.0.by',
      /does not hold 'shop'/,
      /Add 'shop'/,
      { shardBy: 'shop' },
    ],
    [
      'a lag over shards',
      { name: 'f', type: 'number', lag: 1, of: 'till', by: [] },
      'features.0.by',
      /'shop'/,
      /./,
      { shardBy: 'shop' },
    ],
    ['an unknown shard column', count, 'source.shard_by', /unknown/, /'shop'/, { shardBy: 'shopp' }],
  ])('%s', (_, feature, path, message, remedy = /./, more = {}) => {
    const findings = checkFeatures(pipelineOf({ ...more, features: [feature] }));
    const found = findings.find((finding) => finding.path.join('.') === path);
    expect(found?.message ?? JSON.stringify(findings)).toMatch(message);
    expect(found?.remedy ?? 'none').toMatch(remedy);
  });

  it('a name given twice', () => {
    const findings = checkFeatures(pipelineOf({ features: [count, count] }));
    expect(findings).toEqual([{ path: ['features', 1, 'name'], message: "a second feature is named 'n'" }]);
  });

  it.each<[string, Partial<Given>, string, RegExp]>([
    ['an unknown label', { label: { column: 'fruad' } }, 'label.column', /unknown column 'fruad'/],
    ['a timestamp', { label: { column: 'due' } }, 'label.column', /timestamp/],
    ['known_at of another type', { label: { known_at: 'amount' } }, 'label.known_at', /number column/],
    ['a text for a regression', { ...text, task: 'regression' }, 'label.column', /text/],
    ['texts without classes', { ...text, label: { column: 'verdict', classes: [] } }, 'label.classes', /missing/],
    ['three classes of two', { ...three, task: 'binary' }, 'label.classes', /two classes, not 3/],
    ['a class twice', { ...text, label: { column: 'verdict', classes: ['a', 'a'] } }, 'label.classes', /twice/],
    ['column and expression', { label: { expression: 'amount > 1' } }, 'label.expression', /not both/],
  ])('the label: %s', (_, more, path, message) => {
    const findings = checkFeatures(pipelineOf({ features: [count], ...more }));
    expect(findings.find((finding) => finding.path.join('.') === path)?.message ?? '').toMatch(message);
  });

  it('a wrong label expression is found once, also where a feature aggregates labels', () => {
    const spec = pipelineOf({ features: [aggregate({ aggregate: 'mean', of: 'label' })] });
    const { column: _, ...label } = spec.label;
    const findings = checkFeatures({ ...spec, label: { ...label, expression: 'amount >' } });
    expect(findings.map(({ path }) => path)).toEqual([['label', 'expression']]);
  });

  it('given sound features, then there is nothing to find and an engine can be made', () => {
    const features: FeatureSpec[] = [
      { ...count, name: 'shop_n' },
      aggregate({ name: 'fraud', aggregate: 'mean', of: 'label' }),
      { name: 'note', type: 'category', expression: "coalesce(note, 'none')" },
      join({ name: 'price', on: { note: 'shop' } }),
    ];
    const spec = pipelineOf({ features, shardBy: 'shop', ...text });
    expect(checkFeatures(spec)).toEqual([]);
    expect(Object.keys(createFeatureEngine(spec).online({}))).toEqual(featureColumns(spec).map(({ name }) => name));
    expect(
      checkFeatures(pipelineOf({ ...three, features: [aggregate({ aggregate: 'distinct', of: 'label' })] })),
    ).toEqual([]);
  });

  it('given a finding, then no engine is made and the error names the place', () => {
    const spec = pipelineOf({ features: [aggregate({ window: 0 })] });
    expect(() => createFeatureEngine(spec)).toThrow(
      expect.objectContaining({ code: 'INVALID_PIPELINE', place: { field: 'features.0.window' } }),
    );
  });
});
