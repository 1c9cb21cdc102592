import { malformed } from './failure.js';

/** One record: the line (1-based) on which it begins and its fields. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: string[];
}

const maxRecordLength = 1 << 20;
const quote = 0x22;
const comma = 0x2c;
const lf = 0x0a;
const cr = 0x0d;

/**
 * Cuts pieces of text into records by RFC 4180 (https://www.rfc-editor.org/rfc/rfc4180): quoted fields, doubled
 * quotes, line breaks within quotes. Lines end with LF, CRLF or CR; blank lines are skipped. Every record must have
 * as many fields as the first. Columns in errors count UTF-16 code units from 1.
 */
export class CsvScanner {
  private readonly path: string;
  private state: 'start' | 'plain' | 'quoted' | 'closed' = 'start';
  private text = '';
  private line = 1;
  /** Index in `text` at which the current line begins; negative when that was in an earlier piece. */
  private lineStart = 0;
  /** The character before was a CR that ended a line: an LF now belongs to it. */
  private afterCr = false;
  private fields: string[] = [];
  private field = '';
  private fieldPlace = { line: 1, column: 1 };
  private recordLine = 1;
  private recordLength = 0;
  private width: number | undefined;
  private records: CsvRecord[] = [];

  constructor(path: string) {
    this.path = path;
  }

  /** The line reached so far, 1-based. */
  get currentLine(): number {
    return this.line;
  }

  /** Records that end within this piece. Throws INVALID_INPUT with file, line and column. */
  push(text: string): CsvRecord[] {
    this.text = text;
    this.records = [];
    let at = 0;
    while (at < text.length) {
      if (this.state === 'plain') at = this.scanPlain(at);
      else if (this.state === 'quoted') at = this.scanQuoted(at);
      else if (this.state === 'closed') at = this.scanClosed(at);
      else at = this.beginField(at);
    }
    this.lineStart -= text.length;
    return this.records;
  }

  /** The last record, when the text does not end with a line break. */
  end(): CsvRecord[] {
    this.text = '';
    this.records = [];
    if (this.state === 'quoted') throw malformed(this.path, this.fieldPlace, 'this quote is never closed');
    const blank = this.state !== 'closed' && this.field === '' && this.fields.length === 0;
    if (!blank) this.endRecord(0);
    return this.records;
  }

  private beginField(at: number): number {
    const code = this.text.charCodeAt(at);
    if (this.afterCr) {
      this.afterCr = false;
      if (code === lf) {
        this.lineStart = at + 1;
        return at + 1;
      }
    }
    this.fieldPlace = { line: this.line, column: at - this.lineStart + 1 };
    if (this.fields.length === 0) this.recordLine = this.line;
    this.state = code === quote ? 'quoted' : 'plain';
    return code === quote ? at + 1 : at;
  }

  private scanPlain(at: number): number {
    const { text } = this;
    let end = at;
    for (; end < text.length; end++) {
      const code = text.charCodeAt(end);
      if (code === comma || code === lf || code === cr) break;
      if (code === quote) {
        throw this.malformedAt(end, 'a quote within a field that does not begin with one');
      }
    }
    this.take(at, end);
    if (end === text.length) return end;
    if (text.charCodeAt(end) === comma) this.endField(end);
    else if (this.field === '' && this.fields.length === 0) this.endLine(end);
    else this.endRecord(end);
    return end + 1;
  }

  private scanQuoted(at: number): number {
    const found = this.text.indexOf('"', at);
    const end = found === -1 ? this.text.length : found;
    for (let i = at; i < end; i++) {
      const code = this.text.charCodeAt(i);
      if (code !== lf && code !== cr) {
        this.afterCr = false;
        continue;
      }
      if (code === cr || !this.afterCr) this.line++;
      this.afterCr = code === cr;
      this.lineStart = i + 1;
    }
    this.take(at, end);
    if (found === -1) return end;
    this.afterCr = false;
    this.state = 'closed';
    return end + 1;
  }

  private scanClosed(at: number): number {
    const code = this.text.charCodeAt(at);
    if (code === quote) {
      this.field += '"';
      this.state = 'quoted';
    } else if (code === comma) this.endField(at);
    else if (code === lf || code === cr) this.endRecord(at);
    else throw this.malformedAt(at, 'text after the closing quote of a field');
    return at + 1;
  }

  private take(from: number, to: number): void {
    if (from === to) return;
    this.field += this.text.slice(from, to);
    this.recordLength += to - from;
    if (this.recordLength > maxRecordLength) {
      throw malformed(this.path, this.fieldPlace, 'a record longer than 1 MiB: is a quote left open?');
    }
  }

  private endField(at: number): void {
    this.fields.push(this.field);
    this.field = '';
    this.state = 'start';
    if (this.fields.length === this.width && this.text.charCodeAt(at) === comma) {
      throw this.malformedAt(at + 1, `more fields than the ${this.width} columns of the header`);
    }
  }

  private endRecord(at: number): void {
    this.endField(at);
    this.width ??= this.fields.length;
    if (this.fields.length < this.width) {
      throw this.malformedAt(at, `${this.fields.length} fields where the header has ${this.width} columns`);
    }
    this.records.push({ line: this.recordLine, fields: this.fields });
    this.fields = [];
    this.recordLength = 0;
    this.endLine(at);
  }

  private endLine(at: number): void {
    this.state = 'start';
    this.line++;
    this.lineStart = at + 1;
    this.afterCr = this.text.charCodeAt(at) === cr;
  }

  private malformedAt(at: number, message: string): Error {
    return malformed(this.path, { line: this.line, column: at - this.lineStart + 1 }, message);
  }
}
