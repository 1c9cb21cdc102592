import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml';
import { fieldName, type Path, type PipelineFileError } from './problems.js';

/** Far above any pipeline file; what is beyond is refused before it costs time or memory. */
const maxText = 1 << 20;
const maxNodes = 100_000;
const maxDepth = 32;

interface Offsets {
  readonly key: number;
  readonly value: number;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A YAML text as plain values, with the place of each key and value. Keys are read as texts, as they stand. */
export class YamlTree {
  readonly value: unknown;
  readonly errors: readonly PipelineFileError[];
  private readonly file: string;
  private readonly lines = new LineCounter();
  private readonly offsets = new Map<string, Offsets>();
  private readonly found: PipelineFileError[] = [];
  private nodes = 0;
  private broken = false;

  constructor(text: string, file: string) {
    this.file = file;
    this.errors = this.found;
    if (text.length > maxText) {
      this.broken = true;
      this.fail(0, [], `the file has ${text.length} characters`, `A pipeline file holds at most ${maxText}.`);
      return;
    }
    const document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false, logLevel: 'error' });
    for (const error of [...document.errors, ...document.warnings]) {
      if (error.code !== 'DUPLICATE_KEY') this.broken = true;
      this.fail(error.pos[0], [], lowerFirst(error.message), syntaxRemedies[error.code] ?? defaultRemedy);
    }
    this.value = this.read(document, document.contents, [], 0);
  }

  /** False when the text is not YAML at all: then `value` says nothing. A key given twice does no such harm. */
  get readable(): boolean {
    return !this.broken;
  }

  /** The place of the value at the path, or of the innermost value around it. */
  place(path: Path, at: 'key' | 'value' = 'value'): Place {
    const offsets = this.offsets.get(JSON.stringify(path));
    if (offsets !== undefined) return this.at(offsets[at]);
    return path.length === 0 ? { line: 1, column: 1 } : this.place(path.slice(0, -1), 'key');
  }

  private at(offset: number): Place {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  private fail(offset: number, path: Path, message: string, remedy: string): void {
    this.found.push({ file: this.file, ...this.at(offset), field: fieldName(path), message, remedy });
  }

  private read(document: Document, node: unknown, path: Path, key: number): unknown {
    const real = isAlias(node) ? node.resolve(document) : (node as Node | null);
    const own = isAlias(node) ? node.range?.[0] : real?.range?.[0];
    this.offsets.set(JSON.stringify(path), { key, value: own ?? key });
    this.nodes++;
    if (this.nodes > maxNodes || path.length > maxDepth) {
      if (!this.broken)
        this.fail(key, path, 'the file is too large or nests too deeply', 'Write shorter lists and no aliases.');
      this.broken = true;
      return null;
    }
    if (isMap(real)) return this.readMap(document, real, path, key);
    if (isSeq(real)) return real.items.map((item, i) => this.read(document, item, [...path, i], startOf(item) ?? key));
    return isScalar(real) ? real.value : null;
  }

  private readMap(document: Document, map: YAMLMap, path: Path, key: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    for (const pair of map.items) {
      const start = startOf(pair.key) ?? key;
      if (isScalar(pair.key)) {
        const name = typeof pair.key.value === 'string' ? pair.key.value : (pair.key.source ?? String(pair.key.value));
        entries.push([name, this.read(document, pair.value, [...path, name], start)]);
      } else {
        this.fail(start, path, 'a key must be a word', 'Put a key that holds brackets or braces in quotes.');
      }
    }
    // Not assigned one by one: a key `__proto__` must stay a key.
    return Object.fromEntries(entries);
  }
}

function startOf(node: unknown): number | undefined {
  return node !== null && typeof node === 'object' && 'range' in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

const defaultRemedy = 'Correct the YAML here: spaces for indentation, quotes and brackets closed, `key: value`.';
const syntaxRemedies: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'Remove one of the two.',
  TAB_AS_INDENT: 'Indent with spaces.',
  BAD_INDENT: 'Indent the keys of one block alike, and close brackets in the line where they open or further in.',
  MISSING_CHAR: 'Close the quote, bracket or brace that opens before this place.',
  MULTIPLE_DOCS: 'Keep one pipeline a file: remove the `---`.',
  TAG_RESOLVE_FAILED: 'Remove the tag that begins with `!`.',
};
