import { RelearnError } from '@relearn/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { statusOf } from '../src/status.js';

const most = 4_000;

/** As gRPC writes it into a trailer. */
function encodedBytes(message: string): number {
  return message.replaceAll(/[^ -$&-~]/gu, (character) => '%25'.repeat(Buffer.byteLength(character))).length;
}

test('a message fits into a trailer, whatever a caller has made it of', () => {
  const texts = fc.oneof(fc.constant('a'), fc.constant('ä'), fc.constant('%'), fc.constant('😀'), fc.string());
  fc.assert(
    fc.property(texts, fc.nat(5_000), (part, times) => {
      const text = `no model '${part.repeat(times)}'`;
      const { message } = statusOf(new RelearnError('NOT_FOUND', text));
      expect(encodedBytes(message)).toBeLessThanOrEqual(most + 9);
      if (encodedBytes(text) <= most) expect(message).toBe(text);
      else expect(text.startsWith(message.slice(0, -1)) && message.endsWith('…')).toBe(true);
    }),
  );
});
