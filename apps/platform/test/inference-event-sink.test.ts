import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { sinkAt } from '../src/inference-event-sink.js';

const event = { headers: { 'ce-id': 'a@1', 'content-type': 'application/json' }, body: '{"id":"a"}' };
const never = new AbortController().signal;

test('an event is posted with its headers, and the receiver’s status is the answer', async () => {
  const seen: { readonly headers: IncomingMessage['headers']; readonly body: string }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    seen.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(seen.length === 1 ? 202 : 302, { location: '/elsewhere' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sink = sinkAt(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/events`));
  expect(await sink(event, never)).toBe(202);
  expect(await sink(event, never)).toBe(302);
  expect(seen[0]).toMatchObject({ headers: event.headers, body: event.body });
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  await expect(sink(event, never)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
});
