import { RelearnError } from '@relearn/kernel';
import type { Job } from './batcher.js';
import { byteStringOffsets } from './byte-strings.js';
import { rowsOf, type Waiting } from './request-queue.js';
import type { RunOrder, RunResult } from './sessions.js';
import { elementCount, type TensorBytes } from './tensors.js';
import { isToldByDigests } from './values.js';

// One run of several requests: laid together before it, shared out after it.

/** A batch has one group, hence one model's figures; a model without a batch axis counts its requests. */
export function count(batch: readonly Waiting[], result: RunResult, began: number, tookMs: number): void {
  const first = batch[0]?.job;
  if (first?.figures === undefined) return;
  const { computeMs, outputMs = 0 } = result;
  const inputMs = Math.max(0, tookMs - computeMs - outputMs);
  first.figures.ran(
    first.target.batchable ? rowsOf(batch) : batch.length,
    batch.map(({ since }) => began - since),
    { inputMs, inferMs: computeMs, outputMs },
  );
}

/** The run that answers them all. */
export function orderOf(batch: readonly Waiting[]): RunOrder {
  const first = batch[0]?.job;
  if (first === undefined) throw new RelearnError('INTERNAL', 'an empty batch');
  if (batch.length === 1) {
    const inputs = first.inputs.map(({ shape, bytes }) => ({ shape, pieces: [bytes] }));
    const { session } = first.target;
    return { session, inputs, rows: first.rows, outputs: first.outputs, digested: digestedOf(batch) };
  }
  const rows = rowsOf(batch);
  const inputs = first.inputs.map(({ shape }, index) => ({
    shape: [rows, ...shape.slice(1)],
    pieces: batch.map(({ job }) => job.inputs[index]?.bytes ?? new Uint8Array()),
  }));
  return { session: first.target.session, inputs, rows, outputs: first.outputs, digested: digestedOf(batch) };
}

/** Inputs of which the log tells some request's by digests. */
function digestedOf(batch: readonly Waiting[]): readonly number[] {
  let digested = none;
  for (const { job } of batch) if (job.recordOf !== undefined) digested = withDigested(digested, job);
  return digested;
}

const none: readonly number[] = [];

function withDigested(digested: readonly number[], { inputs, rows }: Job): readonly number[] {
  let all = digested;
  for (let index = 0; index < inputs.length; index++) {
    const tensor = inputs[index];
    if (tensor !== undefined && isToldByDigests(tensor, rows) && !all.includes(index)) all = [...all, index];
  }
  return all;
}

/** Each member's rows of them; one that is alone has all. */
export function digestsOfEach(batch: readonly Waiting[], { digests }: RunResult) {
  if (digests === undefined || batch.length === 1) return batch.map(() => digests);
  let from = 0;
  return batch.map(({ job: { rows } }) => {
    const begin = from;
    from += rows;
    return digests.map((all) => all?.slice(begin, from));
  });
}

/** Each member's rows of every output. Throws INTERNAL where an output does not have the batch's rows. */
export function split(batch: readonly Waiting[], result: RunResult): TensorBytes[][] {
  const first = batch[0]?.job;
  if (first === undefined || batch.length === 1) return [[...result.outputs]];
  const shares: TensorBytes[][] = batch.map(() => []);
  const rows = rowsOf(batch);
  result.outputs.forEach(({ shape, bytes }, index) => {
    const [outputRows, ...inner] = shape;
    if (outputRows !== rows) {
      throw new RelearnError('INTERNAL', `output ${index} has ${outputRows} rows for a batch of ${rows}`);
    }
    const width = elementCount(inner) ?? 0;
    const isText = first.target.signature.outputs[first.outputs[index] ?? -1]?.datatype === 'BYTES';
    const offsets = isText
      ? byteStringOffsets(
          bytes,
          batch.map(({ job }) => job.rows * width),
        )
      : rowOffsets(batch, bytes.byteLength / rows);
    batch.forEach(({ job }, member) => {
      const part = bytes.subarray(offsets[member] ?? 0, offsets[member + 1] ?? 0);
      shares[member]?.push({ shape: [job.rows, ...inner], bytes: part });
    });
  });
  return shares;
}

function rowOffsets(batch: readonly Waiting[], bytesPerRow: number): number[] {
  const offsets = [0];
  let offset = 0;
  for (const { job } of batch) {
    offset += job.rows * bytesPerRow;
    offsets.push(offset);
  }
  return offsets;
}
