import { parseDuration } from '@relearn/kernel';
import type { PipelineCatalog } from './catalog.js';
import { defaultDrops, defaults } from './defaults.js';
import { suggest } from './did-you-mean.js';
import type { PipelineFile } from './file-schema.js';
import type { Path } from './problems.js';
import type { Report } from './resolve-columns.js';
import type { MonitorSpec, RetrainSpec, Task } from './spec.js';

/** `monitor` with its defaults. */
export function resolveMonitor(file: PipelineFile, catalog: PipelineCatalog, report: Report): MonitorSpec {
  const { window, drift = {}, performance = {} } = file.monitor ?? {};
  const { number = defaults.driftMethod, category = defaults.driftMethod, threshold } = drift;
  for (const [type, method] of [['number', number] as const, ['category', category] as const]) {
    const allowed = catalog.driftMethods?.[type];
    if (allowed === undefined || allowed.includes(method)) continue;
    const remedy = suggest(method, allowed, `Methods for ${type} features`);
    report(['monitor', 'drift', type], `there is no drift method '${method}' for ${type} features`, remedy);
  }
  return {
    window: parseDuration(window ?? defaults.monitorWindow),
    drift: {
      number,
      category,
      ...(threshold === undefined ? {} : { threshold }),
      share: drift.share ?? defaults.driftShare,
    },
    performance: {
      windows: performance.windows ?? defaults.performanceWindows,
      minimum_labels: performance.minimum_labels ?? defaults.performanceMinimumLabels,
    },
  };
}

/** `retrain` with its defaults. */
export function resolveRetrain(file: PipelineFile, task: Task, report: Report): RetrainSpec {
  const retrain = file.retrain ?? {};
  const { performance = {}, drift = {}, volume = null, schedule = null, budget = {} } = retrain;
  return {
    performance: performance && {
      drop: performance.drop ?? defaultDrops[task],
      ...hysteresis(performance, defaults.performanceEnter, ['retrain', 'performance'], report),
    },
    drift: drift && hysteresis(drift, defaults.driftEnter, ['retrain', 'drift'], report),
    volume,
    schedule: schedule && { every: parseDuration(schedule.every) },
    cooldown: parseDuration(retrain.cooldown ?? defaults.cooldown),
    minimum_labels: retrain.minimum_labels ?? defaults.minimumLabels,
    budget: {
      turns: budget.turns ?? defaults.budget.turns,
      per: parseDuration(budget.per ?? defaults.budget.per),
    },
    back_off: retrain.back_off ?? defaults.backOff,
  };
}

interface Hysteresis {
  readonly enter: number;
  readonly of: number;
}

/** With one of the two given, the other's default gives way. */
function hysteresis(given: Partial<Hysteresis>, fallback: Hysteresis, path: Path, report: Report): Hysteresis {
  const enter = given.enter ?? Math.min(fallback.enter, given.of ?? fallback.enter);
  const of = given.of ?? Math.max(fallback.of, enter);
  if (enter > of)
    report([...path, 'enter'], `${enter} of ${of} windows can never be bad`, 'Write at most as many as `of`.');
  return { enter, of };
}

const positive: readonly Path[] = [
  ['monitor', 'window'],
  ['schema', 'window', 'every'],
  ['train', 'window'],
  ['train', 'deadline'],
  ['retrain', 'schedule', 'every'],
  ['retrain', 'budget', 'per'],
  ['rollout', 'limit'],
];

/** Reports durations of nothing where time must pass. */
export function checkPositive(file: unknown, report: Report): void {
  for (const path of positive) {
    let value = file;
    for (const key of path) value = value !== null && typeof value === 'object' ? Reflect.get(value, key) : undefined;
    if (typeof value === 'string' && value !== 'all' && parseDuration(value) <= 0) {
      report(path, `'${value}' is no time at all`, 'Write a duration above 0s.');
    }
  }
}
