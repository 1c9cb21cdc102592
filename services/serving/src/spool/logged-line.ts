import type { Columns } from '@relearn/contracts';
import { columnsByName, valuesOf } from '../inference/values.js';
import { type Line, type SpooledLine, type SpooledTensor, withValues } from './spooled-line.js';

/** A line with its values in columns, as events tell them. */
export type LoggedLine = Line<Columns>;

export function loggedLineOf(line: SpooledLine): LoggedLine {
  return withValues<readonly SpooledTensor[], Columns>(line, columnsOf, outputColumns);
}

function columnsOf(tensors: readonly SpooledTensor[]): Columns {
  return columnsByName(tensors.map((tensor) => valuesOf(tensor, tensor)));
}

/** The label that a classifier says beside its probabilities follows from them; without those it is kept. */
function outputColumns(outputs: readonly SpooledTensor[]): Columns {
  const columns = columnsOf(outputs);
  const { label: _, ...others } = columns;
  return Object.keys(others).some((name) => /^probabilit(y|ies\[\d+\])$/.test(name)) ? others : columns;
}
