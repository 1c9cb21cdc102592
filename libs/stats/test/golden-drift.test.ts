import { describe, expect, it } from 'vitest';
import { countCategories, driftMethod, driftMethods, type DriftOptions, type DriftResult } from '../src/index.js';
import { type Case, columnOf, difference, numbersOf, readCases } from './golden/cases.js';
import { agrees } from './golden/recipes.js';

function optionsOf({ params }: Case): DriftOptions {
  return {
    ...(typeof params['threshold'] === 'number' ? { threshold: params['threshold'] } : {}),
    ...(typeof params['n_bins'] === 'number' ? { bins: params['n_bins'] } : {}),
    ...(typeof params['alpha'] === 'number' ? { alpha: params['alpha'] } : {}),
    ...(typeof params['correction'] === 'boolean' ? { correction: params['correction'] } : {}),
    integer: params['ref_dtype'] === 'int64' && params['cur_dtype'] === 'int64',
  };
}

function compute(from: Case): DriftResult {
  const method = driftMethod(from.method);
  const options = optionsOf(from);
  if (method.kind === 'numeric') return method.compute(numbersOf(from, 'ref'), numbersOf(from, 'cur'), options);
  return method.compute(countCategories(columnOf(from, 'ref')), countCategories(columnOf(from, 'cur')), options);
}

function flat(result: DriftResult): Record<string, unknown> {
  const { statistic, pValue, details, ...rest } = result;
  return { ...rest, ...details, statistic: statistic ?? Number.NaN, p_value: pValue ?? Number.NaN };
}

const cases = [...readCases('numeric'), ...readCases('categorical')];

describe('the golden corpus', () => {
  it.each(Object.keys(driftMethods))('%s gives the peer’s numbers', (name) => {
    const own = cases.filter((c) => c.method === name);
    expect(own.length).toBeGreaterThan(90);
    expect(own.map((c) => difference(c, flat(compute(c)))).filter((d) => d !== undefined)).toEqual([]);
  });

  it('states the rule of every method that has a default', () => {
    const stated = cases.filter((c) => typeof c.params['decision'] === 'string');
    const ours = (name: string): string => {
      const { compares, decision } = driftMethod(name);
      return `${compares === 'pValue' ? 'p_value' : 'statistic'} ${decision} threshold`;
    };
    expect(stated.filter((c) => ours(c.method) !== c.params['decision'])).toEqual([]);
    expect(stated.filter((c) => driftMethod(c.method).threshold !== c.params['threshold'])).toEqual([]);
  });

  it('is rebuilt from its recipes bit for bit', () => {
    const wrong: string[] = [];
    let seen = 0;
    for (const from of cases) {
      for (const [name, input] of Object.entries(from.inputs)) {
        if (!('generator' in input) || input.check === undefined) continue;
        seen++;
        if (!agrees(columnOf(from, name), input.check)) wrong.push(`${from.id} ${name}`);
      }
    }
    expect(seen).toBeGreaterThan(100);
    expect(wrong).toEqual([]);
  });
});
