import { RelearnError } from '@relearn/kernel';
import type { CallContext } from '@relearn/rpc';
import type { DataPlane } from '../inference/oip/data-plane.js';
import { decodeInferRequest, type StreamResponse } from '../inference/oip/infer-codec.js';
import type { InferRequest } from '../inference/oip/request.js';

/** A message of a stream: what cannot be read is answered like any other request, and the stream goes on. */
export type StreamRequest = InferRequest | RelearnError;

/** Requests of one stream under way at once; more are not read. */
const mostUnderWay = 256;

/** With this header a request that fails ends the stream with its status. */
const statusHeader = 'triton_grpc_error';

export function decodeStreamRequest(bytes: Uint8Array): StreamRequest {
  try {
    return decodeInferRequest(bytes);
  } catch (thrown) {
    return RelearnError.from(thrown);
  }
}

/** Answers a stream's requests in their order, while later ones are already under way. */
export async function* inferStream(
  plane: DataPlane,
  requests: AsyncIterable<StreamRequest>,
  context: CallContext,
): AsyncGenerator<StreamResponse> {
  const endsWithStatus = context.metadata[statusHeader] === 'true';
  for await (const answer of inOrder(requests, (request) => answerTo(plane, request, context))) {
    if (endsWithStatus && 'error' in answer) throw answer.error;
    yield answer;
  }
}

async function answerTo(plane: DataPlane, request: StreamRequest, context: CallContext): Promise<StreamResponse> {
  if (request instanceof RelearnError) return { id: '', error: request };
  try {
    return await plane.infer(request, context);
  } catch (thrown) {
    return { id: request.id, error: RelearnError.from(thrown) };
  }
}

/** `answer` never rejects. */
async function* inOrder<Request, Answer>(
  requests: AsyncIterable<Request>,
  answer: (request: Request) => Promise<Answer>,
): AsyncGenerator<Answer> {
  const reading = requests[Symbol.asyncIterator]();
  const underWay: Promise<Answer>[] = [];
  let next: Promise<IteratorResult<Request>> | undefined = reading.next();
  for (;;) {
    const [first] = underWay;
    if (first === undefined && next === undefined) return;
    const come = await firstOf(first, next);
    if (come === 'answered') {
      const [answered] = underWay.splice(0, 1);
      if (answered !== undefined) yield await answered;
    } else if (come.done === true) {
      next = undefined;
      for (const left of underWay) yield await left;
      return;
    } else {
      underWay.push(answer(come.value));
      next = undefined;
    }
    if (next === undefined && underWay.length < mostUnderWay) next = reading.next();
  }
}

function firstOf<Message>(
  answer: Promise<unknown> | undefined,
  next: Promise<IteratorResult<Message>> | undefined,
): Promise<'answered' | IteratorResult<Message>> {
  const answered = answer?.then(() => 'answered' as const);
  return Promise.race([answered, next].filter((wait) => wait !== undefined));
}
