import { RelearnError } from '@relearn/kernel';
import { Validator } from '../schema/validator.js';
import type { PipelineCatalog } from './catalog.js';
import { PipelineFile } from './file-schema.js';
import {
  fieldName,
  InvalidPipelineError,
  overlaps,
  type Path,
  type PipelineFileError,
  type Problem,
} from './problems.js';
import type { Report } from './resolve-columns.js';
import { type Resolved, resolvePipeline } from './resolve.js';
import { broken, type Shape, ShapeCheck } from './shape.js';
import { PipelineSpec } from './spec.js';
import { type Place, YamlTree } from './yaml-tree.js';

export interface ParsedPipeline {
  readonly spec: PipelineSpec;
  /** Where the file says what the spec has at the path; the nearest block around it where that is a default. */
  readonly locate: (path: Path) => Place;
}

// The serialised form has no more than what JSON Schema says: this is the boundary between the two type systems.
const fileShape: Shape = JSON.parse(JSON.stringify(PipelineFile));
const specValidator = new Validator(PipelineSpec);

/**
 * Reads a pipeline file: YAML to a spec with every default filled in. `file` is the name that errors show.
 * Throws InvalidPipelineError (INVALID_PIPELINE) with all errors found, each with its line, column and a remedy.
 */
export function parsePipelineFile(text: string, file: string, catalog: PipelineCatalog): ParsedPipeline {
  const tree = new YamlTree(text, file);
  const shape = new ShapeCheck();
  let resolved: Resolved | undefined;
  const problems: Problem[] = [];
  if (tree.readable) {
    const value = shape.check(fileShape, tree.value, []);
    problems.push(...shape.problems);
    const whole = value === broken ? named(tree.value) : value;
    if (whole !== broken) resolved = check(whole as PipelineFile, catalog, shape, problems);
  }
  const errors = [...tree.errors, ...problems.map((problem) => placed(problem, tree, file))];
  errors.sort((a, b) => a.line - b.line || a.column - b.column);
  const [first, ...more] = errors;
  if (first !== undefined) throw new InvalidPipelineError([first, ...more]);
  if (resolved === undefined || !specValidator.fits(resolved.spec)) {
    throw new RelearnError('INTERNAL', `${file}: the file holds no error, yet its resolved form is not valid`);
  }
  const { spec, candidateOrigins } = resolved;
  return { spec, locate: (path) => tree.place(originOf(path, candidateOrigins)) };
}

/** The file's value under another name, so that a bad name hides nothing else; broken if more than that is wrong. */
function named(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return broken;
  return new ShapeCheck().check(fileShape, { ...value, name: 'unnamed' }, []);
}

/** Adds what does not hold together to `problems`; gives the spec, which is good only if there are none. */
function check(file: PipelineFile, catalog: PipelineCatalog, shape: ShapeCheck, problems: Problem[]): Resolved {
  const inFile = (path: Path) => shape.inFile(path);
  const report: Report = (path, message, remedy, at) => {
    problems.push({ path: inFile(path), message, remedy, ...(at === undefined ? {} : { at }) });
  };
  const resolved = resolvePipeline(file, catalog, report, shape);
  // What the engine says of columns that are wrong themselves would only confuse.
  const sound = problems.every(({ path }) => path[0] !== 'source' && path[0] !== 'schema');
  if (catalog.checkFeatures === undefined || !sound) return resolved;
  const before = problems.map(({ path }) => path);
  for (const { path, message, remedy } of catalog.checkFeatures(resolved.spec)) {
    const place = inFile(path);
    const known = before.some((other) => other.length > 0 && overlaps(other, place.slice(0, 2)));
    if (!known) report(path, message, remedy ?? 'Correct the expression.');
  }
  return resolved;
}

function placed({ path, message, remedy, at }: Problem, tree: YamlTree, file: string): PipelineFileError {
  return { file, ...tree.place(path, at), field: fieldName(path), message, remedy };
}

/** The file's path of a candidate that was made from a list of parameters. */
function originOf(path: Path, candidateOrigins: readonly number[]): Path {
  const [section, list, index, ...rest] = path;
  if (section !== 'train' || list !== 'candidates' || typeof index !== 'number') return path;
  return [section, list, candidateOrigins[index] ?? index, ...rest];
}
