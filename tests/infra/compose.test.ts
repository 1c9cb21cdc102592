import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig, serviceNames } from '@relearn/platform';
import { describe, expect, test } from 'vitest';
import { compose, containers, ours } from './compose.js';
import { readText, readYaml, root } from './files.js';

const dockerfile = readText('Dockerfile');
const { services } = compose;

/** A value of the compose file with the defaults of its variables. */
function filledIn(value: string | number): string {
  return String(value).replace(/\$\{\w+:-([^}]*)\}/g, '$1');
}

describe('the containers of the compose file', () => {
  test("Relearn's bear the services' names, one each, and the example's", () => {
    expect(ours.map(({ name }) => name).sort()).toEqual([...serviceNames, 'example'].sort());
    for (const name of serviceNames) expect(services[name]?.command).toBe(`serve ${name}`);
  });

  test("Relearn's come from one image", () => {
    expect(new Set(ours.map(({ service }) => `${service.image} ${service.build}`)).size).toBe(1);
  });

  test.each(containers)('$name: bounded memory, restarts, no rights beyond its own', ({ service }) => {
    expect(service.mem_limit).toMatch(/^\d+[mg]$/);
    expect(service.restart).toMatch(/^(unless-stopped|on-failure)$/);
    expect(service.init).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
  });

  test('only Kafka writes to the file system of its image', () => {
    const writing = containers.filter(({ service }) => service.read_only !== true);
    expect(writing.map(({ name }) => name)).toEqual(['kafka']);
  });

  test('all tell of their health but those that cannot', () => {
    const without = containers.filter(({ name, service }) => {
      const own = service.healthcheck?.test !== undefined;
      const ofImage = ours.some((one) => one.name === name);
      return !own && !ofImage;
    });
    expect(without.map(({ name }) => name)).toEqual(['otel-collector']);
  });

  test('images are named by a version', () => {
    for (const { service } of containers) expect(service.image).toMatch(/^[\w./-]+:(local|v?\d+\.\d+[\w.-]*)$/);
  });
});

describe('ports', () => {
  test('those of the public surface lead to where they must', () => {
    const published = containers.flatMap(({ name, service }) =>
      (service.ports ?? []).map((port) => `${filledIn(port)} ${name}`),
    );
    expect(published.sort()).toEqual([
      '127.0.0.1:3000:3000 grafana',
      '127.0.0.1:8001:8001 serving',
      '127.0.0.1:8002:8001 ingestion',
      '127.0.0.1:8003:8001 registry',
      '127.0.0.1:8080:8080 console',
      '127.0.0.1:9090:9090 prometheus',
    ]);
  });

  test('every service is asked for its metrics', () => {
    const { scrape_configs: jobs } = readYaml<{
      scrape_configs: { job_name: string; dns_sd_configs?: { names: string[]; port: number }[] }[];
    }>('infra/prometheus/prometheus.yml');
    const [found] = jobs.find((job) => job.job_name === 'relearn')?.dns_sd_configs ?? [];
    expect([...(found?.names ?? [])].sort()).toEqual([...serviceNames].sort());
    expect(found?.port).toBe(8080);
  });
});

describe('settings', () => {
  test.each(ours)('$name reads them without an objection', ({ service }) => {
    const environment = Object.entries(service.environment ?? {}).map(([key, value]) => [key, filledIn(value)]);
    const inImage = [...dockerfile.matchAll(/^(?:ENV)? +(RELEARN_\w+)=(\S+)/gm)].map(([, key, value]) => [key, value]);
    const config = readConfig(Object.fromEntries([...inImage, ...environment]));
    expect(config).toMatchObject({
      data: '/data',
      http: { host: '0.0.0.0', port: 8080 },
      grpc: { host: '0.0.0.0', port: 8001 },
      engines: {
        kind: 'shared',
        bus: { kind: 'kafka', url: 'kafka://kafka:9092?flush=true' },
        store: { kind: 'mongodb' },
        blobs: { kind: 'gridfs' },
      },
    });
    for (const name of serviceNames) expect(config.addresses.get(name)).toEqual({ host: name, grpc: 8001, http: 8080 });
  });

  test('the broker of each profile is the one that is named', () => {
    expect(readText('.env')).toMatch(/^COMPOSE_PROFILES=kafka$/m);
    expect(filledIn(services['console']?.environment?.['RELEARN_BUS'] ?? '')).toBe('kafka://kafka:9092?flush=true');
    expect(readText('infra/docker/nats.env')).toMatch(/^COMPOSE_PROFILES=nats\nRELEARN_BUS=nats:\/\/nats:4222$/m);
    const profiles = containers.filter(({ service }) => service.profiles !== undefined);
    expect(profiles.map(({ name, service }) => `${name} ${service.profiles?.join()}`)).toEqual([
      'kafka kafka',
      'nats nats',
    ]);
  });
});

describe('what is mounted', () => {
  const mounts = containers.flatMap(({ name, service }) =>
    (service.volumes ?? []).map((mount) => ({ name, from: mount.split(':')[0] ?? '', mount })),
  );

  test.each(mounts.filter(({ from }) => from.startsWith('.')))('$mount is there, and read only', ({ from, mount }) => {
    expect(existsSync(join(root, from))).toBe(true);
    expect(mount.endsWith(':ro')).toBe(true);
  });

  test('every volume is declared, and used', () => {
    const used = mounts.filter(({ from }) => !from.startsWith('.')).map(({ from }) => from);
    expect([...new Set(used)].sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  test('the private key is where models are made, and serving can but read the public ones', () => {
    const of = (volume: string) => mounts.filter(({ from }) => from === volume).map(({ name, mount }) => [name, mount]);
    const signing = ['evaluation', 'registry'].map((name) => [name, 'signing-key:/keys']);
    expect(of('signing-key')).toEqual(signing);
    const trusted = signing.map(([name]) => [name, 'trusted-keys:/keys/trusted']);
    expect(of('trusted-keys')).toEqual([...trusted, ['serving', 'trusted-keys:/keys/trusted:ro']]);
    for (const name of ['evaluation', 'registry', 'serving']) {
      expect(services[name]?.environment?.['RELEARN_KEYS']).toBe('/keys');
    }
  });
});

describe('the image', () => {
  const runtime = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

  test('runs as another user than root', () => {
    expect(runtime).toMatch(/^USER node$/m);
  });

  test('starts the command line', () => {
    expect(runtime).toMatch(/^ENTRYPOINT \["relearn"\]$/m);
    expect(runtime).toContain('RELEARN_HTTP=0.0.0.0:8080');
    expect(runtime).toContain('RELEARN_GRPC=0.0.0.0:8001');
  });

  test('asks itself for its health with a file that is in it', () => {
    const path = /HEALTHCHECK.*CMD \["([^"]+)"\]/.exec(runtime)?.[1] ?? '';
    expect(() => accessSync(join(root, path), constants.X_OK)).not.toThrow();
  });

  test('is built on the Node that the sources ask for', () => {
    const { engines }: { engines: { node: string } } = JSON.parse(readText('package.json'));
    const [least = 0, minor = 0] = engines.node.replace('>=', '').split('.').map(Number);
    const [major = 0, own = 0] = (/^ARG NODE=(\S+)$/m.exec(dockerfile)?.[1] ?? '').split('.').map(Number);
    expect(major > least || (major === least && own >= minor)).toBe(true);
  });
});
