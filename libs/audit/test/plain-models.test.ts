import { type DataOf, modelPromoted, modelRegistered, modelRolledBack, predictionLogged } from '@relearn/contracts';
import { expect, test } from 'vitest';
import { broken, Story } from './story.js';
import { applied } from './turn.js';

const evidence = 'no model goes live without evidence';
const chain = 'alias moves form one chain';
const live = "a prediction's model was live";
const digests = 'every digest can be fetched';
const none = { version: 0 };

/** A name that no pipeline owns, and versions that people registered. */
class Plain {
  readonly story = new Story();
  private readonly bundles: string[] = [];

  place = (model: number) => ({ model, bundle: this.bundles[model - 1] ?? '' });

  registered(change: Partial<DataOf<typeof modelRegistered>> = {}): this {
    const model = this.bundles.length + 1;
    const files = {
      'model.onnx': this.story.blob({ model }),
      'lineage.json': this.story.blob({ model: { onnx: model } }),
    };
    this.bundles.push(this.story.blob({ files }));
    const manual = { onnx: files['model.onnx'], bytes: 10, runtime: '1' };
    const data = { ...this.place(model), verdict: 'passed' as const, metrics: {}, manual, ...change };
    this.story.emit('registry', modelRegistered, data, none);
    return this;
  }

  promoted(model: number, from: number | null, change: Partial<DataOf<typeof modelPromoted>> = {}) {
    const before = from === null ? null : this.place(from);
    const base = { turn: null, from: before, frozen: null, evidence: { kind: 'manual' as const }, gates: [] };
    return this.story.emit('registry', modelPromoted, { ...this.place(model), ...base, ...change }, none);
  }

  answered(model: number): void {
    const arms = [{ arm: 'champion' as const, model, outputs: { y: [1] } }];
    const request = { id: '', computeMs: 1, totalMs: 1 };
    const data = {
      kind: 'request' as const,
      ids: [null],
      times: [0],
      at: [1],
      inputs: {},
      arms,
      watermark: null,
      request,
    };
    this.story.emit('serving', predictionLogged, data, none);
  }

  broken = async () => broken(await this.story.violations());
}

test('versions registered by hand are promoted, rolled back and asked', async () => {
  const plain = new Plain().registered().registered();
  const first = plain.promoted(1, null);
  plain.promoted(2, 1);
  const back = { ...plain.place(1), from: plain.place(2), frozen: null, reason: 'why' };
  plain.story.emit('registry', modelRolledBack, { ...back, evidence: { kind: 'promotion', event: first.id } }, none);
  plain.registered().answered(3);
  expect(await plain.broken()).toEqual([]);
});

test('a record by hand never moves the alias of a pipeline', async () => {
  const plain = new Plain();
  applied(plain.story);
  plain.registered().promoted(1, null);
  expect(await plain.broken()).toContain(evidence);
});

test('a version that nobody tried is not promoted by hand', async () => {
  const plain = new Plain();
  plain.registered();
  plain.promoted(2, null, { bundle: plain.place(1).bundle });
  expect(await plain.broken()).toEqual([evidence]);
});

test('another bundle than the one that was tried is found', async () => {
  const plain = new Plain().registered();
  plain.promoted(1, null, { bundle: plain.story.blob({ files: {} }) });
  expect(await plain.broken()).toEqual([evidence]);
});

test('a broken chain, an answer of nobody and a lost file are found', async () => {
  const plain = new Plain().registered().registered();
  plain.promoted(1, null);
  plain.promoted(2, null);
  expect(await plain.broken()).toEqual([chain]);
  const other = new Plain().registered();
  other.answered(2);
  expect(await other.broken()).toEqual([live]);
  const lost = new Plain().registered({ bundle: new Story().blob({ files: {} }, false) });
  expect(await lost.broken()).toEqual([digests]);
});
