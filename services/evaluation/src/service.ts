import type { Signer } from '@relearn/bundles';
import { deciderPart, type JobContext, type Ports, type RunningService } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { reportDecider } from './domain/reports.js';
import { type EvaluationHandlers, evaluationHandlers } from './rpc/evaluation.js';
import { type CodeFacts, type EvaluationInput, runEvaluation } from './handlers/run-evaluation.js';

/**
 * Evaluation: the run's winner judged on the hold-out against bounds and champion; the gate record and the bundle out. Bundles
 * are signed where there is a signer.
 */
export function createEvaluation(
  ports: Ports,
  code: CodeFacts,
  signer?: Signer,
): RunningService & { readonly rpc: EvaluationHandlers } {
  const run = async (input: Json, context: JobContext) =>
    (await runEvaluation(input as unknown as EvaluationInput, context, code, signer)) as unknown as Json;
  const decider = reportDecider({ run });
  return {
    manifest: { name: 'evaluation', consumes: ['control'], produces: ['control'], collections: [] },
    parts: [deciderPart(ports, decider)],
    deciders: [decider],
    rpc: evaluationHandlers(ports),
  };
}
