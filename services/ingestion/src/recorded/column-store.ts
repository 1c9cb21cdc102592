import type { Cell, ColumnSpec } from '@relearn/contracts';
import { formatTimestamp, parseTimestamp } from '@relearn/kernel';
import type { ColumnType } from '@relearn/tabular';

/** One column of a recorded table in memory, a few bytes a cell. */
export interface ColumnStore {
  push(cell: Cell): void;
  get(row: number): Cell;
  /** Milliseconds of a cell that holds a time; null when it holds none. */
  time(row: number): number | null;
  /** Gives back what only loading needs. */
  seal(): void;
}

/**
 * A store that fits the declared type. Files do not know the declared type: a number in a column of texts becomes its
 * text, a text that is a number becomes that number; what does not fit is kept as it came, for validation to judge.
 */
export function columnStore(type: ColumnSpec['type'], fileType: ColumnType): ColumnStore {
  switch (type) {
    case 'number':
    case 'integer':
      return new NumberStore((cell) =>
        typeof cell === 'string' ? numberOfText(cell) : typeof cell === 'number' ? cell : Number.NaN,
      );
    case 'timestamp':
      return new TimeStore(fileType === 'timestamp' ? millisOfCanonical : millisOfText);
    case 'boolean':
      return new NumberStore(numberOfTruth, (value) => value === 1);
    default:
      return new TextStore();
  }
}

function numberOfText(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  // Digits beyond what a number holds are an id, not an amount.
  return Number.isFinite(value) && (Math.abs(value) <= Number.MAX_SAFE_INTEGER || /[.eE]/.test(text))
    ? value
    : Number.NaN;
}

function numberOfTruth(cell: Cell): number {
  if (typeof cell === 'boolean') return Number(cell);
  if (cell === 0 || cell === 1) return cell;
  if (cell === 'true' || cell === '1') return 1;
  return cell === 'false' || cell === '0' ? 0 : Number.NaN;
}

const firstCapacity = 1024;

/** Cells as float64, NaN where there is none; what is no number stands beside. */
class NumberStore implements ColumnStore {
  private values = new Float64Array(firstCapacity);
  private rows = 0;
  private readonly odd = new Map<number, Cell>();
  private readonly encode: (cell: Cell) => number;
  private readonly decode: (value: number) => Cell;

  constructor(encode: (cell: Cell) => number, decode: (value: number) => Cell = (value) => value) {
    this.encode = encode;
    this.decode = decode;
  }

  push(cell: Cell): void {
    if (this.rows === this.values.length) this.values = grown(this.values, this.rows * 2);
    const value = cell === null ? Number.NaN : this.encode(cell);
    if (cell !== null && Number.isNaN(value)) this.odd.set(this.rows, cell);
    this.values[this.rows++] = value;
  }

  get(row: number): Cell {
    const value = this.values[row] ?? Number.NaN;
    return Number.isNaN(value) ? (this.odd.get(row) ?? null) : this.decode(value);
  }

  time(): null {
    return null;
  }

  seal(): void {
    this.values = grown(this.values, this.rows);
  }
}

/** Times as milliseconds; given out as ISO texts, as a producer would send them. */
class TimeStore implements ColumnStore {
  private readonly texts = new IsoTexts();
  private readonly store: NumberStore;

  constructor(millisOf: (text: string) => number) {
    this.store = new NumberStore((cell) => (typeof cell === 'string' ? millisOf(cell) : Number.NaN));
  }

  push(cell: Cell): void {
    this.store.push(cell);
  }

  get(row: number): Cell {
    const cell = this.store.get(row);
    return typeof cell === 'number' ? this.texts.of(cell) : cell;
  }

  time(row: number): number | null {
    const cell = this.store.get(row);
    return typeof cell === 'number' ? cell : null;
  }

  seal(): void {
    this.store.seal();
  }
}

/** Readers of data files give times in one form (`YYYY-MM-DDTHH:mm:ss.sssZ`), which the engine reads much faster. */
function millisOfCanonical(text: string): number {
  return Date.parse(text);
}

function millisOfText(text: string): number {
  return parseTimestamp(text) ?? Number.NaN;
}

/** Rows after which a column most of whose texts differ, such as ids, goes on without a dictionary. */
const rowsBeforeChoice = 4096;

/** Texts as codes into a dictionary, -1 where there is none; or as they are where hardly any comes twice. */
class TextStore implements ColumnStore {
  private codes = new Int32Array(firstCapacity);
  private rows = 0;
  private readonly texts: string[] = [];
  private byText = new Map<string, number>();
  private plain: (string | null)[] | undefined;

  push(cell: Cell): void {
    const text = cell === null || typeof cell === 'string' ? cell : String(cell);
    if (this.rows === rowsBeforeChoice && this.texts.length > rowsBeforeChoice / 2) this.forgetDictionary();
    if (this.plain !== undefined) this.plain.push(text);
    else {
      if (this.rows === this.codes.length) this.codes = grown(this.codes, this.rows * 2);
      this.codes[this.rows] = text === null ? -1 : this.codeOf(text);
    }
    this.rows += 1;
  }

  get(row: number): Cell {
    return (this.plain === undefined ? this.texts[this.codes[row] ?? -1] : this.plain[row]) ?? null;
  }

  time(row: number): number | null {
    const cell = this.get(row);
    return typeof cell === 'string' ? parseTimestamp(cell) : null;
  }

  seal(): void {
    if (this.plain === undefined) this.codes = grown(this.codes, this.rows);
    this.byText = new Map();
  }

  private forgetDictionary(): void {
    this.plain = Array.from(this.codes.subarray(0, this.rows), (code) => this.texts[code] ?? null);
    this.texts.length = 0;
    this.byText = new Map();
  }

  private codeOf(text: string): number {
    const known = this.byText.get(text);
    if (known !== undefined) return known;
    const code = this.texts.length;
    this.texts.push(text);
    this.byText.set(text, code);
    return code;
  }
}

function grown<A extends Float64Array | Int32Array>(values: A, length: number): A;
function grown(values: Float64Array | Int32Array, length: number): Float64Array | Int32Array {
  const next = values instanceof Float64Array ? new Float64Array(length) : new Int32Array(length);
  next.set(values.length > length ? values.subarray(0, length) : values);
  return next;
}

const keptTexts = 1024;

/** Texts of times; the last one of each place is kept, since times repeat from record to record. */
class IsoTexts {
  private readonly times = new Float64Array(keptTexts).fill(Number.NaN);
  private readonly texts = new Array<string>(keptTexts).fill('');

  of(ms: number): string {
    const place = Math.abs(Math.floor(ms / 1000)) % keptTexts;
    if (this.times[place] !== ms) {
      this.times[place] = ms;
      this.texts[place] = formatTimestamp(ms);
    }
    return this.texts[place] ?? '';
  }
}
