import type { CandidateSpec, PipelineSpec, TrainedCandidate } from '@relearn/contracts';
import type { Dataset, SnapshotManifest } from '@relearn/features';
import { canonicalJson, RelearnError, sha256 } from '@relearn/kernel';
import type { JobContext } from '@relearn/runtime';
import { distModule, sharedBlobs } from '@relearn/runtime/workers';
import { chooseWinner } from '../domain/choose-winner.js';
import type { PrepareInput } from '../jobs/prepare.js';
import type { TrainInput, TrainOutput } from '../jobs/train.js';

export interface TrainingInput {
  readonly pipeline: string;
  readonly pipelineVersion: number;
  readonly manifest: string;
  readonly seed: number;
}

export interface TrainingResult {
  readonly candidates: TrainedCandidate[];
  readonly winner: string | null;
}

const text = new TextEncoder();

/** Trains every candidate of the pipeline on one snapshot, in worker threads, and names the best by validation metric. */
export async function runTraining(input: TrainingInput, context: JobContext): Promise<TrainingResult> {
  const { ports, signal } = context;
  const { spec } = await ports.catalog.known(input.pipeline, input.pipelineVersion, signal);
  const dataset = await prepare(spec, input.manifest, context);
  if (dataset.rows < spec.train.minimum_rows) {
    throw new RelearnError('INVALID_INPUT', `${dataset.rows} labelled rows, ${spec.train.minimum_rows} are needed`, {
      place: { field: 'train.minimum_rows' },
    });
  }
  const candidates = await Promise.all(
    spec.train.candidates.map((candidate) => trainOne(spec, dataset, candidate, input.seed, context)),
  );
  if (signal.aborted) throw new RelearnError('CANCELLED', 'training was cancelled');
  return { candidates, winner: chooseWinner(spec, candidates) };
}

async function prepare(spec: PipelineSpec, digest: string, { ports, signal }: JobContext): Promise<Dataset> {
  const manifest = JSON.parse(Buffer.from(await ports.blobs.get(digest)).toString('utf8')) as SnapshotManifest;
  const segments: Uint8Array[][] = [];
  for (const shard of manifest.shards) segments.push(await sharedBlobs(ports.blobs, shard.segments));
  const prepareInput: PrepareInput = { spec, manifest, segments };
  const module = distModule(import.meta.url, '../jobs/prepare.js');
  return (await ports.workers.run({ module, input: prepareInput, signal })) as Dataset;
}

async function trainOne(
  spec: PipelineSpec,
  dataset: Dataset,
  candidate: CandidateSpec,
  seed: number,
  { ports, signal, progress }: JobContext,
): Promise<TrainedCandidate> {
  const base = { name: candidate.name, trainer: candidate.trainer, parameters: candidate.parameters };
  const input: TrainInput = { spec, dataset, candidate, seed };
  const module = distModule(import.meta.url, '../jobs/train.js');
  try {
    const onProgress = (figures: unknown) => progress({ candidate: candidate.name, figures });
    const output = (await ports.workers.run({ module, input, signal, onProgress })) as TrainOutput;
    const [model, signature, info] = await Promise.all([
      ports.blobs.put(output.onnx),
      ports.blobs.put(text.encode(canonicalJson(output.signature))),
      ports.blobs.put(text.encode(canonicalJson(output.info))),
    ]);
    const files = { 'model.onnx': model, 'signature.json': signature, 'training.json': info };
    const folder = await ports.blobs.put(text.encode(canonicalJson({ files })));
    return { ...base, candidate: folder, model: sha256(output.onnx), metrics: output.metrics, failure: null };
  } catch (thrown) {
    const error = RelearnError.from(thrown);
    if (error.code === 'CANCELLED' || error.retryable) throw error;
    return { ...base, candidate: null, model: null, metrics: {}, failure: error.describe() };
  }
}
