import type { PipelineSpec } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { FeatureFinding } from './check-features.js';
import { checkExpression } from './expression/check.js';
import { columnTypes } from './label.js';
import { didYouMean } from './nearest.js';

/** What is wrong with the pipeline's label. */
export function checkLabel(spec: PipelineSpec): FeatureFinding[] {
  const { column, expression, known_at: knownAt } = spec.label;
  const findings: FeatureFinding[] = [];
  if (column !== undefined && expression !== undefined) {
    findings.push({ path: ['label', 'expression'], message: 'the label is a column or an expression, not both' });
  } else if (expression !== undefined) findings.push(...checkLabelExpression(spec, expression));
  else if (column !== undefined) findings.push(...checkLabelColumn(spec, column));
  if (knownAt !== undefined) {
    const type = spec.schema.columns[knownAt]?.type;
    const path = ['label', 'known_at'];
    if (type === undefined) findings.push(unknown(spec, knownAt, path));
    else if (type !== 'timestamp') findings.push({ path, message: `known_at names a ${type} column, not a timestamp` });
  }
  return [...findings, ...checkClasses(spec)];
}

function unknown(spec: PipelineSpec, column: string, path: (string | number)[]): FeatureFinding {
  const remedy = didYouMean(column, Object.keys(spec.schema.columns), 'column');
  return { path, message: `unknown column '${column}'`, remedy };
}

function checkLabelColumn(spec: PipelineSpec, column: string): FeatureFinding[] {
  const type = spec.schema.columns[column]?.type;
  const path = ['label', 'column'];
  if (type === undefined) return [unknown(spec, column, path)];
  return checkLabelType(spec, type === 'category' ? 'string' : type, path);
}

function checkLabelExpression(spec: PipelineSpec, expression: string): FeatureFinding[] {
  const path = ['label', 'expression'];
  try {
    return checkLabelType(spec, checkExpression(expression, columnTypes(spec)).type, path);
  } catch (thrown) {
    const { code, message, remedy } = RelearnError.from(thrown);
    if (code !== 'INVALID_PIPELINE') throw thrown;
    return [{ path, message, remedy }];
  }
}

function checkLabelType(spec: PipelineSpec, type: string, path: (string | number)[]): FeatureFinding[] {
  const { task } = spec.train;
  if (type === 'timestamp') return [{ path, message: 'a timestamp cannot be the label' }];
  if (type !== 'string') return [];
  if (task === 'regression') {
    return [{ path, message: 'a text cannot be the label of a regression', remedy: 'Write `task: multiclass`.' }];
  }
  if (spec.label.classes.length >= 2) return [];
  const remedy = task === 'binary' ? 'Name two; the second is the positive one.' : 'Name all of them in order.';
  return [{ path: ['label', 'classes'], message: 'the class names of the label are missing', remedy }];
}

function checkClasses(spec: PipelineSpec): FeatureFinding[] {
  const { classes } = spec.label;
  const path = ['label', 'classes'];
  const findings: FeatureFinding[] = [];
  if (new Set(classes).size !== classes.length) findings.push({ path, message: 'a class is named twice' });
  if (spec.train.task === 'regression' && classes.length > 0) {
    findings.push({ path, message: 'a regression has no classes' });
  }
  if (spec.train.task === 'binary' && classes.length > 2) {
    findings.push({ path, message: `a binary label has two classes, not ${classes.length}` });
  }
  return findings;
}
