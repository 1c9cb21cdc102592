import { isAscii, isUtf8 } from 'node:buffer';
import { RelearnError } from '@relearn/kernel';

export type JsonValue = null | boolean | number | bigint | string | readonly JsonValue[] | JsonObject;
export type JsonObject = ReadonlyMap<string, JsonValue>;

/** Data may be as deep as a tensor has dimensions; around it there are three levels. */
const mostDepth = 72;

/** More is no number but a long computation. */
const mostDigits = 1_000;

/** Two bytes of text become some hundred in memory; a request has an object or two a tensor. */
const mostObjects = 50_000;

/**
 * The value of a JSON text in UTF-8. JSON.parse will not do: it rounds integers beyond 2^53 (here they are bigint), takes
 * a name given twice, half a surrogate pair and 1e999, and ends the stack on 200,000 brackets. Throws INVALID_INPUT with
 * the character and the path at which the text is wrong.
 */
export function parseJson(bytes: Uint8Array): JsonValue {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length === 0) throw failed('the document is empty', 0);
  if (isAscii(buffer)) return new JsonReader(buffer.toString('latin1')).document();
  if (!isUtf8(buffer)) throw failed('the text is not UTF-8', 0);
  if (buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf) {
    throw failed('a byte order mark before the value', 0);
  }
  return new JsonReader(buffer.toString('utf8')).document();
}

function failed(what: string, at: number, path: readonly string[] = []): RelearnError {
  const where = path.length === 0 ? '' : ` in ${path.join('').replace(/^\./, '')}`;
  return new RelearnError('INVALID_INPUT', `failed to parse the request JSON buffer: ${what} at ${at}${where}`);
}

/** Gets its path, innermost part last, on the way out. */
class Fault extends Error {
  readonly path: string[] = [];
  readonly at: number;

  constructor(what: string, at: number) {
    super(what);
    this.at = at;
  }
}

const quote = 0x22;
const minus = 0x2d;
const zero = 0x30;
const backslash = 0x5c;

class JsonReader {
  private readonly text: string;
  private at = 0;
  private depth = 0;
  private objects = 0;

  constructor(text: string) {
    this.text = text;
  }

  document(): JsonValue {
    try {
      const value = this.value();
      this.space();
      if (this.at < this.text.length) throw new Fault('something after the value', this.at);
      return value;
    } catch (thrown) {
      if (thrown instanceof Fault) throw failed(thrown.message, thrown.at, thrown.path);
      throw thrown;
    }
  }

  private value(): JsonValue {
    this.space();
    const code = this.text.charCodeAt(this.at);
    if (code === minus || (code >= zero && code <= zero + 9)) return this.number(code === minus);
    switch (this.text[this.at]) {
      case '[':
        return this.array();
      case '{':
        return this.object();
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      case undefined:
        throw new Fault('the text ends where a value is expected', this.at);
      case 'N':
      case 'I':
        throw new Fault('no value (NaN and infinity are the strings "NaN", "Infinity" and "-Infinity")', this.at);
      default:
        throw new Fault('no value', this.at);
    }
  }

  private array(): readonly JsonValue[] {
    const values: JsonValue[] = [];
    try {
      if (!this.enter(']')) return values;
      for (;;) {
        values.push(this.value());
        if (!this.more(']')) return values;
      }
    } catch (thrown) {
      if (thrown instanceof Fault) thrown.path.unshift(`[${values.length}]`);
      throw thrown;
    }
  }

  private object(): JsonObject {
    this.objects += 1;
    if (this.objects > mostObjects) throw new Fault(`more than ${mostObjects} objects`, this.at);
    const fields = new Map<string, JsonValue>();
    let name: string | undefined;
    try {
      if (!this.enter('}')) return fields;
      for (;;) {
        this.space();
        if (this.text.charCodeAt(this.at) !== quote) throw new Fault('no name of an object member', this.at);
        const begin = this.at;
        name = this.string();
        if (fields.has(name)) throw new Fault('a name that is there already', begin);
        this.space();
        if (this.text[this.at] !== ':') throw new Fault('no colon after the name of an object member', this.at);
        this.at += 1;
        fields.set(name, this.value());
        if (!this.more('}')) return fields;
      }
    } catch (thrown) {
      if (thrown instanceof Fault && name !== undefined) thrown.path.unshift(`.${name.slice(0, 100)}`);
      throw thrown;
    }
  }

  /** Past the opening bracket; false where the closing one follows. */
  private enter(close: string): boolean {
    this.depth += 1;
    if (this.depth > mostDepth) throw new Fault(`more than ${mostDepth} levels`, this.at);
    this.at += 1;
    this.space();
    if (this.text[this.at] !== close) return true;
    this.at += 1;
    this.depth -= 1;
    return false;
  }

  /** Past a comma: true; past the closing bracket: false. */
  private more(close: string): boolean {
    this.space();
    const next = this.text[this.at];
    if (next !== ',' && next !== close) throw new Fault(`neither comma nor ${close}`, this.at);
    this.at += 1;
    if (next === ',') return true;
    this.depth -= 1;
    return false;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw new Fault('no value', this.at);
    this.at += word.length;
    return value;
  }

  private string(): string {
    const { text } = this;
    const begin = this.at + 1;
    let end = begin;
    let escaped = false;
    for (;;) {
      const code = text.charCodeAt(end);
      if (code === quote) break;
      if (code === backslash) {
        escaped = true;
        end += 1;
      } else if (code < 0x20) throw new Fault('a control character in a string', end);
      // Past the end the code is NaN.
      else if (Number.isNaN(code)) throw new Fault('a string without an end', begin - 1);
      end += 1;
    }
    this.at = end + 1;
    return escaped ? unescaped(text.slice(begin - 1, end + 1), begin - 1) : text.slice(begin, end);
  }

  private number(negative: boolean): number | bigint {
    const { text } = this;
    const begin = this.at;
    const first = negative ? begin + 1 : begin;
    const whole = this.digits(first);
    if (text.charCodeAt(first) === zero && whole > first + 1) throw new Fault('a number that begins with 0', begin);
    let end = whole;
    if (text[end] === '.') end = this.digits(end + 1);
    if (text[end] === 'e' || text[end] === 'E') {
      const signed = text[end + 1] === '-' || text[end + 1] === '+';
      end = this.digits(end + (signed ? 2 : 1));
    }
    this.at = end;
    if (end - begin > mostDigits) throw new Fault(`a number of more than ${mostDigits} characters`, begin);
    const digits = text.slice(begin, end);
    const value = Number(digits);
    if (!Number.isFinite(value)) throw new Fault('a number beyond 64 bits', begin);
    // Fifteen digits are always exact.
    if (end !== whole || whole - first <= 15 || Number.isSafeInteger(value)) return value;
    return BigInt(digits);
  }

  /** Where the digits end that begin there; one at least. */
  private digits(from: number): number {
    let end = from;
    for (;;) {
      const code = this.text.charCodeAt(end);
      if (!(code >= zero && code <= zero + 9)) break;
      end += 1;
    }
    if (end === from) throw new Fault('no digit where a number goes on', end);
    return end;
  }
}

/** A string with its quotes. */
function unescaped(quoted: string, at: number): string {
  let value: unknown;
  try {
    value = JSON.parse(quoted);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'string') throw new Fault('an escape that JSON does not have', at);
  if (/\p{Surrogate}/u.test(value)) throw new Fault('half a surrogate pair', at);
  return value;
}
