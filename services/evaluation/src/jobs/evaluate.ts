import { type EvaluateInput, type EvaluateOutput, judgeCandidate } from './judge-candidate.js';
import { openModel } from './score.js';

/** Worker job: judges one candidate with ONNX Runtime. */
export function run(input: EvaluateInput): Promise<EvaluateOutput> {
  return judgeCandidate(input, openModel);
}
