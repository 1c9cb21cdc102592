import type { ModelSignature, TensorBytes } from '../tensors.js';

/** Tensors in one buffer: each begins at a multiple of 8, in the order of `sizes`. */
export interface PackedTensors {
  readonly buffer: ArrayBuffer;
  readonly sizes: readonly number[];
  readonly shapes: readonly (readonly number[])[];
}

export type ToWorker =
  | { readonly kind: 'load'; readonly session: number; readonly onnx: Uint8Array }
  | {
      readonly kind: 'run';
      readonly session: number;
      /** In the order of the model's inputs. */
      readonly inputs: PackedTensors;
      /** Indices of the model's outputs. */
      readonly outputs: readonly number[];
      /** What the log tells as so many rows. */
      readonly rows: number;
      /** Indices of the inputs whose rows' digests are wanted. */
      readonly digested: readonly number[];
    }
  | { readonly kind: 'release'; readonly session: number }
  | { readonly kind: 'stop' };

/** One answer to each message, in their order. */
export type FromWorker =
  | { readonly kind: 'loaded'; readonly signature: ModelSignature }
  | {
      readonly kind: 'ran';
      readonly outputs: PackedTensors;
      /** By input; undefined where none were wanted. */
      readonly digests: readonly (readonly string[] | undefined)[] | undefined;
      readonly computeMs: number;
      readonly outputMs: number;
      /** The run's, where it is large: to be filled again. */
      readonly inputs: ArrayBuffer | undefined;
    }
  | { readonly kind: 'released' }
  | { readonly kind: 'failed'; readonly reason: string };

export function aligned(size: number): number {
  return (size + 7) & ~7;
}

/** Lays the tensors out one after another; a tensor's bytes may come in several pieces. The buffer may be larger than they are. */
export function pack(
  tensors: readonly { readonly shape: readonly number[]; readonly pieces: readonly Uint8Array[] }[],
  bufferOf: (size: number) => ArrayBuffer = (size) => new ArrayBuffer(size),
): PackedTensors {
  const sizes = tensors.map(({ pieces }) => pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  const buffer = bufferOf(sizes.reduce((sum, size) => sum + aligned(size), 0));
  const bytes = new Uint8Array(buffer);
  let start = 0;
  tensors.forEach(({ pieces }, index) => {
    let offset = start;
    for (const piece of pieces) {
      bytes.set(piece, offset);
      offset += piece.byteLength;
    }
    start += aligned(sizes[index] ?? 0);
  });
  return { buffer, sizes, shapes: tensors.map(({ shape }) => shape) };
}

export function unpack(packed: PackedTensors): TensorBytes[] {
  const tensors: TensorBytes[] = [];
  for (const { offset, size, shape } of placesOf(packed)) {
    tensors.push({ shape, bytes: new Uint8Array(packed.buffer, offset, size) });
  }
  return tensors;
}

/** Offset and size of each tensor in the buffer. */
export function* placesOf(
  packed: PackedTensors,
): Generator<{ offset: number; size: number; shape: readonly number[] }> {
  let offset = 0;
  for (let index = 0; index < packed.sizes.length; index++) {
    const size = packed.sizes[index] ?? 0;
    yield { offset, size, shape: packed.shapes[index] ?? [] };
    offset += aligned(size);
  }
}
