import { InferenceSession } from 'onnxruntime-node';

/** A run stays on the thread that asks for it, and says what is wrong by what it throws; idle threads of the runtime must not spin. */
const options = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  logSeverityLevel: 4,
  extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
} as const;

/** The model in ONNX Runtime, `threads` to a run. Throws the runtime's reason. */
export function openSession(onnx: Uint8Array, threads = 1): Promise<InferenceSession> {
  return InferenceSession.create(onnx, { ...options, intraOpNumThreads: threads });
}
