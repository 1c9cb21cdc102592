import type { InForce, Parts } from '@relearn/runtime';

export interface PipelineScoring {
  readonly inForce: InForce;
  /** Address in `features` from which the models hold. */
  readonly from: number;
}

/** A shard's state, by pipeline. */
export interface ScoringShard {
  /** The models that score its rows. */
  readonly models: Map<string, PipelineScoring>;
  /** How many of its rows have been scored. */
  readonly scored: Map<string, number>;
}

const text = new TextEncoder();
const utf8 = new TextDecoder();

export function openScoring(saved: Parts): ScoringShard {
  const part = <T>(name: string): [string, T][] => {
    const bytes = saved.get(name);
    return bytes === undefined ? [] : JSON.parse(utf8.decode(bytes));
  };
  return { models: new Map(part<PipelineScoring>('in-force')), scored: new Map(part<number>('counts')) };
}

export function saveScoring({ models, scored }: ScoringShard): Map<string, Uint8Array> {
  return new Map([
    ['in-force', text.encode(JSON.stringify([...models]))],
    ['counts', text.encode(JSON.stringify([...scored]))],
  ]);
}

export function countScored({ scored }: ScoringShard, pipeline: string, rows: number): void {
  scored.set(pipeline, (scored.get(pipeline) ?? 0) + rows);
}

export function scoredCounts({ scored }: ScoringShard): Record<string, { scored: number }> {
  return Object.fromEntries([...scored].map(([pipeline, rows]) => [pipeline, { scored: rows }]));
}

export function predictionsSource(pipeline: string, partition: number): string {
  return `serving/${pipeline}/${partition}/predictions`;
}
