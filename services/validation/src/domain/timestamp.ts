import { parseTimestamp } from '@relearn/kernel';

/** Whether the text is an ISO 8601 date or time as the platform reads them. */
export function isTimestamp(text: string): boolean {
  return isPlain(text) || parseTimestamp(text) !== null;
}

const form = '0000-00-00T00:00:00.000Z';

/** Most times come in this one form: it is told by its digits alone, for days that every month has. */
function isPlain(text: string): boolean {
  if (text.length !== form.length) return false;
  for (let i = 0; i < form.length; i++) {
    const wanted = form.charCodeAt(i);
    const code = text.charCodeAt(i);
    if (wanted === 48 ? code < 48 || code > 57 : code !== wanted) return false;
  }
  const month = pair(text, 5);
  const day = pair(text, 8);
  return (
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 28 &&
    pair(text, 11) <= 23 &&
    pair(text, 14) <= 59 &&
    pair(text, 17) <= 59
  );
}

function pair(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
}
