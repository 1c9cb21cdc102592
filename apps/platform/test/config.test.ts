import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inSeveralProcesses, readConfig } from '../src/config/config.js';

const shared = { RELEARN_BUS: 'kafka://a:9092,b:9092', RELEARN_STORE: 'mongodb://db/relearn' };

describe('several processes', () => {
  const several = { ...shared, RELEARN_SERVING_PROCESSES: '3' };

  it('are for serving alone, and only where they are asked for', () => {
    expect(inSeveralProcesses(readConfig(several), ['serving'])).toBe(true);
    expect(inSeveralProcesses(readConfig(shared), ['serving'])).toBe(false);
    expect(inSeveralProcesses(readConfig({}), ['serving', 'console'])).toBe(false);
  });

  it.each([
    ['other services', several, ['validation'] as const, 'RELEARN_SERVING_PROCESSES'],
    ['more services', several, ['serving', 'console'] as const, 'RELEARN_SERVING_PROCESSES'],
    ['any free port', { ...several, RELEARN_HTTP: 'a:0' }, ['serving'] as const, 'RELEARN_HTTP'],
    ['any free port for gRPC', { ...several, RELEARN_GRPC: 'a:0' }, ['serving'] as const, 'RELEARN_GRPC'],
  ])('refuse %s, and say what to do', (_what, env, services, field) => {
    const asked = () => inSeveralProcesses(readConfig(env), services);
    expect(asked).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG', place: { field } }));
    expect(asked).toThrow(expect.objectContaining({ remedy: expect.stringMatching(/\w/) }));
  });
});

describe('engines', () => {
  it('are embedded in one folder by default', () => {
    const { engines } = readConfig({ RELEARN_DATA: '/data' });
    expect(engines).toEqual({ kind: 'embedded', folder: '/data', blobs: { kind: 'folder', folder: '/data/blobs' } });
    const said = { RELEARN_BUS: 'embedded:/data', RELEARN_STORE: 'sqlite:/data', RELEARN_BLOBS: 'file:/data' };
    expect(readConfig(said).engines).toEqual(engines);
    expect(readConfig({ RELEARN_BUS: 'embedded:/other' }).engines).toMatchObject({ folder: '/other' });
  });

  it('are brokers and databases that processes share', () => {
    const [kafka, store] = [
      { kind: 'kafka', url: shared.RELEARN_BUS },
      { kind: 'mongodb', url: shared.RELEARN_STORE },
    ];
    expect(readConfig(shared).engines).toEqual({ kind: 'shared', bus: kafka, store, blobs: { kind: 'gridfs' } });
    const nats = { ...shared, RELEARN_BUS: 'nats://n:4222', RELEARN_BLOBS: 's3://bucket/prefix' };
    expect(readConfig(nats).engines).toMatchObject({ bus: { kind: 'nats' }, blobs: { kind: 's3' } });
    expect(readConfig({ ...shared, RELEARN_BLOBS: 'file:/blobs' }).engines).toMatchObject({
      blobs: { kind: 'folder', folder: '/blobs/blobs' },
    });
    expect(readConfig({ RELEARN_BLOBS: 's3://bucket' }).engines).toMatchObject({
      kind: 'embedded',
      blobs: { kind: 's3' },
    });
  });

  it.each([
    ['an unknown bus', { RELEARN_BUS: 'amqp://a' }, 'RELEARN_BUS'],
    ['an unknown policy', { RELEARN_PREDICTION_LOG_FULL: 'drop' }, 'RELEARN_PREDICTION_LOG_FULL'],
    ['a receiver of events that is no URL', { RELEARN_INFERENCE_EVENTS: 'sink:80' }, 'RELEARN_INFERENCE_EVENTS'],
    ['an unknown store', { ...shared, RELEARN_STORE: 'postgres://a' }, 'RELEARN_STORE'],
    ['unknown blobs', { ...shared, RELEARN_BLOBS: 'ftp://a' }, 'RELEARN_BLOBS'],
    ['a shared bus without a store', { RELEARN_BUS: shared.RELEARN_BUS }, 'RELEARN_STORE'],
    ['a shared bus and a store of one process', { ...shared, RELEARN_STORE: 'sqlite:./data' }, 'RELEARN_STORE'],
    ['an embedded bus and a shared store', { RELEARN_STORE: shared.RELEARN_STORE }, 'RELEARN_STORE'],
    ['bus and store in two folders', { RELEARN_BUS: 'embedded:/a', RELEARN_STORE: 'sqlite:/b' }, 'RELEARN_STORE'],
    ['GridFS without MongoDB', { RELEARN_BLOBS: 'gridfs' }, 'RELEARN_BLOBS'],
    ['other processes beside the embedded bus', { RELEARN_ADDRESSES: 'feature=a:1' }, 'RELEARN_ADDRESSES'],
    ['an address of nobody', { ...shared, RELEARN_ADDRESSES: 'features=a:1' }, 'RELEARN_ADDRESSES'],
    ['an address without a host', { ...shared, RELEARN_ADDRESSES: 'feature=:1' }, 'RELEARN_ADDRESSES'],
    ['a port that is none', { ...shared, RELEARN_ADDRESSES: 'feature=a:70000' }, 'RELEARN_ADDRESSES'],
    ['several processes on embedded engines', { RELEARN_SERVING_PROCESSES: '2' }, 'RELEARN_SERVING_PROCESSES'],
    ['no process', { ...shared, RELEARN_SERVING_PROCESSES: '0' }, 'RELEARN_SERVING_PROCESSES'],
    ['a file that is not there', { RELEARN_BUS_FILE: '/nowhere' }, 'RELEARN_BUS_FILE'],
  ])('refuse %s, and say what to do', (_what, env: Record<string, string>, field) => {
    const read = () => readConfig(env);
    expect(read).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG', place: { field } }));
    expect(read).toThrow(expect.objectContaining({ remedy: expect.stringMatching(/\w/) }));
  });

  it('do not tell a password in an error', () => {
    const env = { ...shared, RELEARN_STORE: 'mongo://user:secret@db' };
    expect(() => readConfig(env)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }));
  });
});

describe('settings', () => {
  it('come from files too', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'relearn-config-')), 'bus');
    writeFileSync(file, `${shared.RELEARN_BUS}\n`);
    const env = { RELEARN_BUS_FILE: file, RELEARN_STORE: shared.RELEARN_STORE };
    expect(readConfig(env).engines).toMatchObject({ bus: { url: shared.RELEARN_BUS } });
  });

  it('name where other services listen: by default at their names', () => {
    const env = { ...shared, RELEARN_ADDRESSES: 'feature=127.0.0.1:38001/38080, serving=[::1]:9001,registry=host' };
    const { addresses } = readConfig(env);
    expect(addresses.get('feature')).toEqual({ host: '127.0.0.1', grpc: 38001, http: 38080 });
    expect(addresses.get('serving')).toEqual({ host: '[::1]', grpc: 9001, http: 8080 });
    expect(addresses.get('registry')).toEqual({ host: 'host', grpc: 8001, http: 8080 });
    expect(addresses.get('training')).toEqual({ host: 'training', grpc: 8001, http: 8080 });
  });
});
