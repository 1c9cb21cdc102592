import type { PipelineSpec, TrainedCandidate } from '@relearn/contracts';
import { metricOf } from '@relearn/stats';

/** The candidate with the best value of the pipeline's first metric on the validation rows; the earlier one on a tie; null when none has one. */
export function chooseWinner(spec: PipelineSpec, candidates: readonly TrainedCandidate[]): string | null {
  const name = spec.evaluate.metrics[0]?.name ?? '';
  const sign = metricOf(name).greaterIsBetter ? 1 : -1;
  let best: { name: string; score: number } | null = null;
  for (const candidate of candidates) {
    const value = candidate.candidate === null ? null : candidate.metrics[name];
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    const score = sign * value;
    if (best === null || score > best.score) best = { name: candidate.name, score };
  }
  return best?.name ?? null;
}
