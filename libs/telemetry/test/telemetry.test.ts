import { describe, expect, test } from 'vitest';
import { startTelemetry, traceparentOf } from '@relearn/telemetry';

describe('telemetry', () => {
  test('given a service, when it logs within work that came with a trace, then the line names both', async () => {
    const lines: string[] = [];
    const telemetry = await startTelemetry({
      service: 'relearn',
      level: 'info',
      stream: { write: (line) => lines.push(line) },
    });
    const parent = traceparentOf('turn-7');

    const registry = telemetry.forService('registry');
    await registry.span('process control', { parent }, () => {
      registry.log.info('turn started');
      return Promise.resolve();
    });
    await telemetry.stop();

    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ service: 'registry', trace_id: parent.split('-')[1] });
  });
});
