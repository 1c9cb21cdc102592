import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { RelearnError } from '@relearn/kernel';
import { noTracing, parseTraceparent, startTracing, traceparentOf } from '@relearn/telemetry';

const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('traceparent', () => {
  test('of an id is well formed, the same each time and different for another id', () => {
    expect(traceparentOf('turn-1')).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/);
    expect(traceparentOf('turn-1')).toBe(traceparentOf('turn-1'));
    expect(traceparentOf('turn-1')).not.toBe(traceparentOf('turn-2'));
  });

  test.each([
    'nonsense',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  ])('%s is none', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  test('is read with its flag', () => {
    expect(parseTraceparent(given)).toEqual({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      sampled: true,
    });
    expect(parseTraceparent(given.replace(/01$/, '00'))?.sampled).toBe(false);
  });
});

describe('tracing that is off', () => {
  test('passes a given traceparent through, to the span and to what runs within, and no further', async () => {
    const tracing = noTracing();
    const seen = await tracing.span('process data.raw', { parent: given }, async (span) => {
      await Promise.resolve();
      const inner = await tracing.span('send data.valid', {}, (child) => Promise.resolve(child.traceparent));
      return [span.traceparent, tracing.currentTraceparent(), inner];
    });
    expect(seen).toEqual([given, given, given]);
    expect(tracing.currentTraceparent()).toBeUndefined();
  });

  test('gives no traceparent where none came, and lets errors pass', async () => {
    const tracing = await startTracing({ service: 'test', endpoint: undefined });
    await expect(tracing.span('job train', {}, (span) => Promise.resolve(span.traceparent))).resolves.toBeUndefined();
    await expect(tracing.span('job train', {}, () => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
  });

  test('an endpoint that is no URL is refused', async () => {
    await expect(startTracing({ service: 'test', endpoint: 'collector' })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    });
  });
});

describe('tracing towards a collector', () => {
  test('sends nested spans of the given trace, with links and the code of an error', async () => {
    const received: Buffer[] = [];
    const collector = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => received.push(chunk));
      request.on('end', () => response.end());
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const address = collector.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const tracing = await startTracing({ service: 'relearn-test', endpoint: `http://127.0.0.1:${port}/` });
    const link = traceparentOf('producer');

    const ids = await tracing.span(
      'process data.raw',
      { parent: given, kind: 'consumer', links: [link] },
      async (outer) => {
        const inner = tracing.span('send data.valid', { kind: 'producer' }, (span) => {
          span.setAttributes({ 'messaging.batch.message_count': 3, 'relearn.model': undefined });
          return Promise.reject(new RelearnError('UNAVAILABLE', 'bus away'));
        });
        await expect(inner).rejects.toThrow('bus away');
        return [outer.traceparent, tracing.currentTraceparent()];
      },
    );
    await tracing.stop();
    collector.close();

    const [outer, current] = ids;
    expect(current).toBe(outer);
    expect(parseTraceparent(outer)?.traceId).toBe(parseTraceparent(given)?.traceId);
    expect(outer).not.toBe(given);
    const sent = Buffer.concat(received);
    for (const part of ['relearn-test', 'process data.raw', 'send data.valid', 'UNAVAILABLE', 'bus away']) {
      expect(sent.includes(part)).toBe(true);
    }
    expect(sent.includes(Buffer.from(link.split('-')[1] ?? '', 'hex'))).toBe(true);
  });
});
