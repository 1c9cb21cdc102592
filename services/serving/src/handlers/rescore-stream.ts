import { fileOf, readBundle } from '@relearn/bundles';
import { featuresComputed, predictionLogged, rowAddress } from '@relearn/contracts';
import { emission, type FoldDefinition, type Shard } from '@relearn/runtime';
import {
  countScored,
  openScoring,
  predictionsSource,
  saveScoring,
  scoredCounts,
  type ScoringShard,
} from './scoring-shard.js';

/** The inputs that a bundle's model asks for. */
interface Signature {
  readonly inputs: readonly { readonly name: string }[];
}

/**
 * Scoring's state without the scores: what a record does to it follows from the models in force, which a saved checkpoint
 * tells, and from whether the champion takes the record's columns. Runs no model.
 */
export function rescoreStream(): FoldDefinition<ScoringShard> {
  const inputs = new Map<string, readonly string[]>();
  return {
    service: 'serving',
    topics: ['features'],
    sequenced: () => true,
    open: (_shard, saved) => openScoring(saved),
    prepare: () => Promise.resolve(false),
    async apply(state, logged, fromRow, shard) {
      const { data } = featuresComputed.read(logged);
      const rows = data.ids.length - fromRow;
      const scoring = state.models.get(logged.pipeline);
      if (scoring !== undefined && rows > 0) {
        const { champion, frozen, challenger } = scoring.inForce;
        const models = [champion, frozen, challenger].filter((model) => model !== null && model !== undefined);
        for (const { bundle } of models) {
          if (!inputs.has(bundle)) inputs.set(bundle, await inputsOf(bundle, shard));
        }
        const taken = models.some(({ bundle }) => inputs.get(bundle)?.every((name) => name in data.columns));
        if (taken) countScored(state, logged.pipeline, rows);
      }
      // Nobody gets it: it says up to where the source has come.
      return [
        emission({
          type: predictionLogged,
          pipeline: logged.pipeline,
          pipelineVersion: logged.pipelineversion,
          source: predictionsSource(logged.pipeline, shard.partition),
          sequence: rowAddress(logged.position, Math.max(0, data.ids.length - 1)),
          time: Date.parse(logged.time),
          partition: shard.partition,
          data: { kind: 'stream', ids: [], times: [], at: [], inputs: {}, arms: [], watermark: data.watermark },
        }),
      ];
    },
    save: saveScoring,
    counts: scoredCounts,
  };
}

async function inputsOf(bundle: string, { ports: { blobs } }: Shard): Promise<string[]> {
  const signature = await blobs.get(fileOf(bundle, await readBundle(blobs, bundle), 'signature.json'));
  const { inputs } = JSON.parse(Buffer.from(signature).toString('utf8')) as Signature;
  return inputs.map(({ name }) => name);
}
