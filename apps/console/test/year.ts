import { deadLettered, driftDetected, driftReported, performanceReported, windowProfiled } from '@relearn/contracts';
import { mulberry32 } from '@relearn/kernel';
import { clockCollection, type Ports } from '@relearn/runtime';
import { day, Story } from './story.js';

export const features = [
  'dep_hour',
  'distance',
  'carrier',
  'origin',
  'dest',
  'wind_speed',
  'visibility',
  'precip',
  'origin_late_3h',
  'carrier_late_24h',
  'dest_late_6h',
  'temp',
];

export interface Month {
  readonly model: number;
  readonly gain: number;
}

/** A window's reports: quality that wanders with the season, and drift of the weather. */
export async function tellWindow(
  story: Story,
  index: number,
  start: number,
  month: Month,
  chance: () => number,
): Promise<void> {
  const end = start + day;
  const season = Math.sin((index / 365) * 2 * Math.PI);
  const noise = () => (chance() + chance() + chance() - 1.5) * 0.05;
  const rows = 850 + Math.round(chance() * 150);
  await story.say(
    windowProfiled,
    {
      start,
      end,
      part: 'inputs',
      shard: story.partition,
      rows,
      predictions: rows,
      labelled: 0,
      labelledTotal: index * 900,
      read: index,
      models: [],
    },
    { time: end, source: `monitoring/${story.pipeline}/0/monitoring` },
  );
  const frozen = 0.735 - index * 0.00008 + noise();
  const value = 0.745 + month.gain + noise();
  await story.say(
    performanceReported,
    {
      start,
      end,
      metric: 'roc_auc',
      model: month.model,
      value,
      frozen: month.model === 1 ? value : frozen,
      trailing: index < 7 ? null : 0.745 + month.gain,
      reference: 0.765,
      labelled: rows - 20,
      predictions: rows,
      state: index < 7 ? 'NO_DATA' : month.gain < -0.01 ? 'DRIFT' : 'OK',
    },
    { time: end },
  );
  const reported = features.map((feature, i) => {
    const pull =
      i === 11
        ? Math.max(0, season) * 0.6
        : i === 5
          ? Math.max(0, -season) * 0.3
          : i === 8
            ? 0.16 * chance() + Math.max(0, season) * 0.2
            : 0.1 * chance();
    const statistic = i === 7 && index % 9 === 0 ? null : pull + 0.03 * chance();
    const threshold = 0.18;
    const state =
      statistic === null ? ('NO_DATA' as const) : statistic > threshold ? ('DRIFT' as const) : ('OK' as const);
    return { feature, method: 'psi:binned', statistic, threshold, state };
  });
  const share = reported.filter((one) => one.state === 'DRIFT').length / reported.length;
  await story.say(
    driftReported,
    { start, end, model: month.model, rows, state: share >= 0.5 ? 'DRIFT' : 'OK', share, features: reported },
    { time: end },
  );
}

/** A year of a pipeline: a first model, three that replace it, one that does not pass, one in training. */
export async function tellYear(ports: Ports, pipeline: string): Promise<void> {
  const story = new Story(ports, pipeline);
  const chance = mulberry32(11);
  const start = Date.UTC(2024, 2, 1);
  await story.apply(start - 60 * day);
  const turns: Record<number, [number, 'passed' | 'rejected' | 'inconclusive' | 'training', number]> = {
    0: [1, 'passed', 1],
    74: [2, 'passed', 2],
    131: [3, 'inconclusive', 3],
    178: [4, 'passed', 4],
    281: [5, 'training', 5],
  };
  let month: Month = { model: 1, gain: 0 };
  for (let index = 0; index < 284; index++) {
    const time = start + index * day;
    const turn = turns[index];
    if (turn !== undefined) {
      const [n, until, model] = turn;
      if (n > 1) {
        const fall = { method: 'roc_auc', statistic: 0.7361, threshold: 0.765, start: time - day, end: time };
        await story.say(driftDetected, { kind: 'performance', causes: [fall] }, { time });
      }
      await story.request(
        n,
        n === 1 ? 'first' : n === 3 ? 'manual' : 'performance',
        time,
        n === 1 || n === 3 ? [] : ['temp', 'origin_late_3h'],
        n === 3 ? 'ana' : undefined,
      );
      await story.turn(n, time, n === 1 ? 'first' : 'performance', until, model);
      if (until === 'passed') month = { model, gain: 0.012 * n };
    }
    month = { ...month, gain: month.gain - 0.00035 };
    await tellWindow(story, index, time, month, chance);
  }
  await story.say(
    deadLettered,
    {
      consumer: 'validation',
      topic: 'data.raw',
      partition: story.partition,
      position: 3,
      key: pipeline,
      headers: {},
      value: '',
      records: 12,
      fromRow: 0,
      code: 'INVALID_EVENT',
      message: 'the data of event x is not JSON',
    },
    { time: start },
  );
  await story.checkpoint('validation', {
    received: 314_902,
    validated: 314_471,
    quarantined: 318,
    duplicates: 113,
    markers: 0,
  });
  await story.checkpoint('feature', { rows: 268_112 });
  await story.checkpoint('serving', { scored: 209_611 });
  await ports.store.put(clockCollection, pipeline, { now: start + 284 * day + 37_000_000 });
}
