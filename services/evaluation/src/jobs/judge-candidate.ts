import type { Gate, PipelineSpec } from '@relearn/contracts';
import { assembleDataset, type Dataset, type SnapshotManifest, splitDataset } from '@relearn/features';
import { systemClock } from '@relearn/kernel';
import { metricOf, metrics as allMetrics } from '@relearn/stats';
import { type Baseline, buildReference, type Reference } from '../domain/reference.js';
import { baselineGate, bound, boundGates, championGate, overall, type Verdict } from '../domain/gates.js';
import { type OpenModel, type OpenedModel } from './opened-model.js';

export interface EvaluateInput {
  readonly spec: PipelineSpec;
  readonly manifest: SnapshotManifest;
  readonly segments: readonly (readonly Uint8Array[])[];
  readonly candidate: Uint8Array;
  /** The champion's model and the hold-out metrics that its own evaluation recorded. */
  readonly champion: { readonly onnx: Uint8Array; readonly metrics: Readonly<Record<string, number | null>> } | null;
}

export interface EvaluateOutput {
  readonly verdict: Verdict;
  readonly gates: Gate[];
  readonly metrics: Record<string, number | null>;
  readonly championMetrics: Record<string, number | null> | null;
  readonly rows: number;
  /** The champion cannot take the rows. */
  readonly incomparable?: true;
  readonly reference: Reference;
}

type Scores = Record<string, number | null>;

/** Judges one candidate on the hold-out, as it would serve. */
export async function judgeCandidate(input: EvaluateInput, open: OpenModel): Promise<EvaluateOutput> {
  const { spec } = input;
  const split = splitDataset(
    assembleDataset(spec, input.manifest, input.segments),
    spec.train.hold_out,
    spec.train.validation,
  );
  const { holdOut } = split;
  const model = await open(input.candidate);
  const candidate = await model.score(holdOut);
  const metrics = measure(spec, holdOut.labels, candidate);
  const gates: Gate[] = [
    ...boundGates(spec, metrics),
    ...(await costGates(spec, input.candidate, () => latencyMs(model, holdOut))),
  ];
  const first = metricOf(spec.evaluate.metrics[0]?.name ?? '');
  const constant = measure(spec, holdOut.labels, constantPrediction(spec, split.train, holdOut.rows));
  gates.push(baselineGate(first, metrics[first.name] ?? null, constant[first.name] ?? null));
  const champion = await judgeChampion(input, open, { holdOut, candidate, metrics, gates });
  const baseline: Baseline = { train: split.train, holdOut, predicted: candidate, metrics };
  return {
    verdict: overall(gates),
    gates,
    metrics,
    championMetrics: champion.metrics,
    rows: holdOut.rows,
    ...(champion.incomparable === undefined ? {} : { incomparable: champion.incomparable }),
    reference: buildReference(spec, baseline),
  };
}

interface Judged {
  readonly holdOut: Dataset;
  readonly candidate: Float64Array;
  readonly metrics: Scores;
  readonly gates: Gate[];
}

async function judgeChampion(
  { spec, champion }: EvaluateInput,
  open: OpenModel,
  { holdOut, candidate, metrics, gates }: Judged,
): Promise<{ readonly metrics: Scores | null; readonly incomparable?: true }> {
  if (champion === null) return { metrics: null };
  const model = await open(champion.onnx);
  if (!fits(model, holdOut)) {
    gates.push(recordedGate(spec, metrics, champion.metrics));
    return { metrics: { ...champion.metrics }, incomparable: true };
  }
  const predicted = await model.score(holdOut);
  const classes = spec.label.classes.length;
  gates.push(championGate(spec, { truth: holdOut.labels, candidate, champion: predicted, classes }));
  return { metrics: measure(spec, holdOut.labels, predicted) };
}

/** A changed feature set cannot feed the old champion: then the candidate must reach what the champion reached when it was judged. */
function recordedGate(spec: PipelineSpec, metrics: Scores, recorded: Readonly<Scores>): Gate {
  const metric = metricOf(spec.evaluate.metrics[0]?.name ?? '');
  const before = recorded[metric.name] ?? Number.NaN;
  const least = metric.greaterIsBetter
    ? before - spec.evaluate.champion.tolerance
    : before + spec.evaluate.champion.tolerance;
  const name = `as good as the champion's recorded ${metric.name}`;
  return bound(name, metrics[metric.name] ?? null, least, (value) =>
    metric.greaterIsBetter ? value >= least : value <= least,
  );
}

/** The pipeline's metrics, and every other one that fits its task: they cost nothing here and inform people. */
function measure(spec: PipelineSpec, truth: Float64Array, prediction: Float64Array): Scores {
  const { task } = spec.train;
  const classes = task === 'multiclass' ? { classes: spec.label.classes.length } : {};
  const wanted = Object.values(allMetrics).filter((metric) => metric.tasks.includes(task));
  return Object.fromEntries(wanted.map((metric) => [metric.name, metric.compute({ truth, prediction, ...classes })]));
}

/** What one would answer without looking at a row: the class shares, or the mean, of the training rows. */
function constantPrediction(spec: PipelineSpec, train: Dataset, rows: number): Float64Array {
  const mean = (of: (label: number) => number) => train.labels.reduce((sum, label) => sum + of(label), 0) / train.rows;
  const row =
    spec.train.task === 'multiclass'
      ? spec.label.classes.map((_, index) => mean((label) => (label === index ? 1 : 0)))
      : [mean((label) => label)];
  return Float64Array.from({ length: rows * row.length }, (_, index) => row[index % row.length] ?? 0);
}

/** What nobody bounds is not measured. */
async function costGates(spec: PipelineSpec, onnx: Uint8Array, latency: () => Promise<number>): Promise<Gate[]> {
  const { max_bytes: bytes, max_latency_ms: ms } = spec.evaluate;
  const size = bytes === undefined ? [] : [bound('size in bytes', onnx.byteLength, bytes, (value) => value <= bytes)];
  if (ms === undefined) return size;
  return [...size, bound('median latency of one row in ms', await latency(), ms, (value) => value <= ms)];
}

/** True when the dataset has every column that the model takes. */
function fits(model: OpenedModel, dataset: Dataset): boolean {
  const names = new Set(dataset.columns.map((column) => column.name));
  return model.inputNames.every((name) => names.has(name));
}

async function latencyMs(model: OpenedModel, holdOut: Dataset): Promise<number> {
  const one: Dataset = { ...holdOut, rows: Math.min(1, holdOut.rows) };
  const times: number[] = [];
  for (let i = 0; i < 50; i++) {
    const start = systemClock.now();
    await model.score(one);
    times.push(systemClock.now() - start);
  }
  return times.sort((a, b) => a - b)[25] ?? 0;
}
