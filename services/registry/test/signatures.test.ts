import { createMemoryBlobs } from '@relearn/blobs/memory';
import { type Signer, writeBundle } from '@relearn/bundles';
import {
  modelEvaluated,
  modelRegistered,
  pipelineEnded,
  type PipelineSpec,
  retrainRequested,
} from '@relearn/contracts';
import { sha256 } from '@relearn/kernel';
import { beforeEach, describe, expect, test } from 'vitest';
import { newSigner, trustIn } from '../../../libs/bundles/test/keys.js';
import { apply, promote } from '../src/domain/commands.js';
import { needs } from '../src/domain/decide.js';
import { ToldRegistry } from './told-registry.js';

const signer = newSigner();
const spec = { rollout: { strategy: 'direct' }, train: { deadline: 1000, seed: 1 } } as PipelineSpec;

let facts: Map<string, Uint8Array>;
let registry: ToldRegistry;

beforeEach(() => {
  facts = new Map();
  registry = new ToldRegistry(facts, trustIn([signer.publicKey]));
  registry.told((state) => apply(state, spec, 'first', [0]));
});

/** A bundle that can be fetched, as model of pipeline p. */
async function bundleBy(by: Signer | undefined, name = 'p'): Promise<string> {
  const blobs = createMemoryBlobs();
  const digest = await writeBundle(blobs, name, { 'model.onnx': sha256('model') }, by);
  facts.set(digest, await blobs.get(digest));
  return digest;
}

/** The pipeline's first turn, in which evaluation has passed the bundle. */
function passed(bundle: string): string[] {
  registry.given(retrainRequested, { request: 'r1', reason: 'manual', causes: [], cut: {}, labelled: 1 });
  const gates = [{ name: 'roc_auc', verdict: 'passed' as const, value: 0.8, threshold: 0.7, detail: '' }];
  const told = {
    turn: 'p-1',
    request: 'r1',
    verdict: 'passed' as const,
    bundle,
    reference: 'reference',
    champion: null,
  };
  return registry.given(modelEvaluated, { ...told, gates, metrics: {}, championMetrics: null, rows: 10 });
}

describe('given that signatures are asked for', () => {
  test('a passed bundle that a trusted key has signed for the pipeline is promoted', async () => {
    expect(passed(await bundleBy(signer))).toEqual(['model.registered', 'model.promoted', 'pipeline.ended']);
  });

  test.each([
    ['nobody has signed', undefined, 'p', /it is not signed/],
    ['somebody else has signed', newSigner(), 'p', /a key that is not trusted/],
    ['was signed for another pipeline', signer, 'q', /signed as the model of 'q'/],
  ])('one that %s ends the turn without a model, and nobody can promote it', async (_, by, name, reason) => {
    expect(passed(await bundleBy(by, name))).toEqual(['model.registered', 'pipeline.ended']);
    expect(registry.last(modelRegistered)).toMatchObject({ verdict: 'rejected' });
    expect(registry.last(pipelineEnded)).toMatchObject({ outcome: 'no-model', detail: expect.stringMatching(reason) });
    expect(registry.state.champion).toBeNull();
    expect(() => promote(registry.state, 1)).toThrow(/cannot be promoted/);
  });

  test('what is no bundle is rejected, too', () => {
    facts.set('text', Buffer.from('some text'));
    expect(passed('text')).toEqual(['model.registered', 'pipeline.ended']);
    expect(registry.last(pipelineEnded)).toMatchObject({ detail: expect.stringMatching(/is no bundle/) });
  });
});

test('only the bundle that would go live is fetched', () => {
  const evaluated = (turn: string, verdict: 'passed' | 'rejected') =>
    needs({ ...registry.state, turn: { id: 'p-1' } as NonNullable<ToldRegistry['state']['turn']> }, {
      type: modelEvaluated.type,
      data: { turn, verdict, bundle: 'b' },
    } as Parameters<typeof needs>[1]);
  expect(evaluated('p-1', 'passed')).toEqual(['b']);
  expect(evaluated('p-0', 'passed')).toEqual([]);
  expect(evaluated('p-1', 'rejected')).toEqual([]);
});
