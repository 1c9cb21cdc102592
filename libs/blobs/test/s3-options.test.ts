import { s3Options } from '@relearn/blobs/s3';
import { describe, expect, test } from 'vitest';

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const from = (settings: Readonly<Record<string, string>>) => (name: string) => settings[name];
const frankfurt = { AWS_REGION: 'eu-central-1' };

describe('bucket and prefix', () => {
  test.each([
    ['s3://models', ''],
    ['s3://models/', ''],
    ['s3://models/a/b', 'a/b/'],
    ['s3://models//a%20b//', 'a b/'],
  ])('%s', (url, prefix) => {
    expect(s3Options(url, from(frankfurt))).toEqual({
      bucket: 'models',
      prefix,
      region: 'eu-central-1',
      pathStyle: false,
    });
  });

  test.each(['s3:', 's3://', 's3://Models', 'models/a', 's3://models/../other', 's3://m/a', 's3://models?acl=public'])(
    '%s is refused',
    (url) => {
      expect(() => s3Options(url, from(frankfurt))).toThrow(
        expect.objectContaining({ code: 'INVALID_CONFIG', place: { field: 'RELEARN_BLOBS' } }),
      );
    },
  );
});

describe('region and endpoint', () => {
  test('the URL goes before the settings, and S3’s own endpoint before the general one', () => {
    const settings = {
      AWS_REGION: 'a',
      AWS_DEFAULT_REGION: 'b',
      AWS_ENDPOINT_URL_S3: 'http://s3:9000',
      AWS_ENDPOINT_URL: 'http://all:9000',
    };
    expect(s3Options('s3://models', from(settings))).toMatchObject({ region: 'a', endpoint: 'http://s3:9000' });
    const url = 's3://models?region=c&endpoint=https://minio.example.com&path-style=true';
    expect(s3Options(url, from(settings))).toMatchObject({
      region: 'c',
      endpoint: 'https://minio.example.com',
      pathStyle: true,
    });
  });

  test('a server of one’s own needs no region', () => {
    expect(s3Options('s3://models?endpoint=http://minio:9000', from({})).region).toBe('us-east-1');
  });

  test.each([
    ['s3://models', 'AWS_REGION'],
    ['s3://models?endpoint=minio:9000', 'RELEARN_BLOBS'],
    ['s3://models?region=a&path-style=yes', 'RELEARN_BLOBS'],
  ])('%s lacks %s', (url, field) => {
    expect(() => s3Options(url, from({}))).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', place: { field } }),
    );
  });
});

describe('credentials and TLS', () => {
  test('key, secret and token', () => {
    const settings = { ...frankfurt, AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 't' };
    const credentials = { accessKeyId: 'k', secretAccessKey: 's', sessionToken: 't' };
    expect(s3Options('s3://models', from(settings)).credentials).toEqual(credentials);
    expect(s3Options('s3://models', from({ ...frankfurt, RELEARN_S3_CA: pem })).ca).toBe(pem);
  });

  test.each([
    [{ AWS_ACCESS_KEY_ID: 'k' }, 'AWS_SECRET_ACCESS_KEY'],
    [{ AWS_SECRET_ACCESS_KEY: 's' }, 'AWS_ACCESS_KEY_ID'],
    [{ RELEARN_S3_CA: '/etc/ca.pem' }, 'RELEARN_S3_CA'],
  ])('%j lacks %s', (settings, field) => {
    expect(() => s3Options('s3://models', from({ ...frankfurt, ...settings }))).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', place: { field } }),
    );
  });
});
