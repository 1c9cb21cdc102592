import { fileOf, readBundle, type Signer, writeBundle } from '@relearn/bundles';
import { type Gate, type PipelineSpec, type TrainedCandidate } from '@relearn/contracts';
import type { SnapshotManifest } from '@relearn/features';
import { canonicalJson } from '@relearn/kernel';
import type { JobContext } from '@relearn/runtime';
import { distModule, sharedBlobs } from '@relearn/runtime/workers';
import type { Report } from '../domain/reports.js';
import type { EvaluateInput, EvaluateOutput } from '../jobs/judge-candidate.js';

/** What code made a model: recorded in its lineage. */
export interface CodeFacts {
  readonly version: string;
  readonly trainers: string;
  readonly lockFile: string;
  readonly commit: string;
  readonly node: string;
  readonly onnxRuntime: string;
}

export interface EvaluationInput {
  readonly pipeline: string;
  readonly pipelineVersion: number;
  readonly turn: string;
  readonly seed: number;
  readonly manifest: string;
  readonly dataHash: string;
  readonly champion: string | null;
  readonly winner: TrainedCandidate | null;
  readonly failure: string;
}

const text = new TextEncoder();
/** What training makes of a candidate, all of it for the bundle. */
const trainedFiles = ['model.onnx', 'signature.json', 'training.json'];

/** Judges the run's winner on the hold-out and bundles it with its evidence. A run without a winner is rejected. */
export async function runEvaluation(
  input: EvaluationInput,
  context: JobContext,
  code: CodeFacts,
  signer: Signer | undefined,
): Promise<Report> {
  const { ports, signal } = context;
  const { winner } = input;
  const candidate = winner?.candidate ?? null;
  if (winner === null || candidate === null) return nothingTrained(input);
  const { spec } = await ports.catalog.known(input.pipeline, input.pipelineVersion, signal);
  const manifest = await readJson<SnapshotManifest>(context, input.manifest);
  const folder = await readBundle(ports.blobs, candidate);
  const trained = Object.fromEntries(trainedFiles.map((name) => [name, fileOf(candidate, folder, name)]));
  const segments: Uint8Array[][] = [];
  for (const shard of manifest.shards) segments.push(await sharedBlobs(ports.blobs, shard.segments));
  const evaluateInput: EvaluateInput = {
    spec,
    manifest,
    segments,
    candidate: await ports.blobs.get(fileOf(candidate, folder, 'model.onnx')),
    champion: input.champion === null ? null : await readChampion(context, input.champion),
  };
  const module = distModule(import.meta.url, '../jobs/evaluate.js');
  const output = (await ports.workers.run({ module, input: evaluateInput, signal })) as EvaluateOutput;
  const { files, reference } = await bundleFiles(input, winner, trained, spec, output, context, code);
  const bundle = await writeBundle(ports.blobs, input.pipeline, files, signer);
  const { verdict, gates, metrics, championMetrics, rows, incomparable } = output;
  const more = incomparable === undefined ? {} : { incomparable };
  return { verdict, bundle, reference, champion: input.champion, gates, metrics, championMetrics, rows, ...more };
}

function nothingTrained(input: EvaluationInput): Report {
  const gate: Gate = { name: 'training', verdict: 'rejected', value: null, threshold: null, detail: input.failure };
  return {
    verdict: 'rejected',
    bundle: null,
    reference: null,
    champion: input.champion,
    gates: [gate],
    metrics: {},
    championMetrics: null,
    rows: 0,
  };
}

async function readChampion(context: JobContext, bundle: string): Promise<NonNullable<EvaluateInput['champion']>> {
  const { blobs } = context.ports;
  const read = await readBundle(blobs, bundle);
  const evaluation = fileOf(bundle, read, 'evaluation.json');
  const record = await readJson<{ metrics: Record<string, number | null> }>(context, evaluation);
  return { onnx: await blobs.get(fileOf(bundle, read, 'model.onnx')), metrics: record.metrics };
}

async function bundleFiles(
  input: EvaluationInput,
  winner: TrainedCandidate,
  trained: Readonly<Record<string, string>>,
  spec: PipelineSpec,
  output: EvaluateOutput,
  { ports }: JobContext,
  code: CodeFacts,
): Promise<{ files: Record<string, string>; reference: string }> {
  const put = (value: unknown) => ports.blobs.put(text.encode(canonicalJson(value)));
  const { gates, metrics, championMetrics, rows, verdict } = output;
  const lineage = {
    data: { manifest: input.manifest, hash: input.dataHash },
    model: { trainer: winner.trainer, parameters: winner.parameters, seed: input.seed, onnx: winner.model },
    code,
    pipeline: { name: input.pipeline, version: input.pipelineVersion },
    turn: input.turn,
  };
  const reference = await put(output.reference);
  const added = {
    'features.yaml': await put({ features: spec.features, label: spec.label }),
    'reference.json': reference,
    'evaluation.json': await put({ verdict, gates, metrics, championMetrics, rows, champion: input.champion }),
    'lineage.json': await put(lineage),
  };
  return { files: { ...trained, ...added }, reference };
}

async function readJson<T>({ ports }: JobContext, digest: string): Promise<T> {
  return JSON.parse(Buffer.from(await ports.blobs.get(digest)).toString('utf8')) as T;
}
