import { type Cell, rowStream, type Section } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { cellOf, serviceOf, type Unary, type WireScalar } from '@relearn/rpc';
import type { Catalog } from '@relearn/runtime';
import type { Reason } from '../domain/column-check.js';
import { type Contract, compileContract, judgeSection } from '../domain/contract.js';

export interface CheckRequest {
  readonly pipeline: string;
  /** Empty: rows. */
  readonly stream: string;
  readonly values: Readonly<Record<string, WireScalar>>;
}

export interface CheckResponse {
  readonly valid: boolean;
  readonly pipelineVersion: number;
  readonly reasons: readonly Reason[];
}

export interface ValidationHandlers {
  check: Unary<CheckRequest, CheckResponse>;
}

export const validationService = serviceOf<ValidationHandlers>('relearn/v1/validation.proto', 'relearn.v1.Validation');

/** Answers by the contract of the pipeline's newest version. Nothing is counted, and no id is taken. */
export function validationHandlers(catalog: Catalog): ValidationHandlers {
  const compiled = new Map<string, { version: number; contract: Contract }>();
  return {
    async check({ pipeline, stream, values }) {
      const applied = catalog.latest(pipeline);
      if (applied === undefined) throw new RelearnError('NOT_FOUND', `there is no pipeline '${pipeline}'`);
      let known = compiled.get(pipeline);
      if (known?.version !== applied.version) {
        known = { version: applied.version, contract: compileContract(applied.spec) };
        compiled.set(pipeline, known);
      }
      const { reasons } = judgeSection(known.contract, sectionOf(stream === '' ? rowStream : stream, values));
      const against = reasons[0] ?? [];
      return { valid: against.length === 0, pipelineVersion: applied.version, reasons: against };
    },
  };
}

/** A section of this one record; its id and time are not judged. */
function sectionOf(stream: string, values: CheckRequest['values']): Section {
  const columns = Object.entries(values).map(([name, scalar]): [string, Cell[]] => [name, [cellOf(scalar)]]);
  return { stream, ids: [''], times: [0], columns: Object.fromEntries(columns) };
}
