import { systemClock } from '@relearn/kernel';
import { mongoOptions, openMongo } from '@relearn/mongodb';
import { describe, expect, test } from 'vitest';

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const from = (settings: Readonly<Record<string, string>>) => (name: string) => settings[name];
const none = from({});

describe('connection string', () => {
  test.each([
    ['mongodb://db', 'relearn'],
    ['mongodb://db/', 'relearn'],
    ['mongodb://a:27017,b:27018/flights?replicaSet=rs0', 'flights'],
    ['mongodb+srv://cluster.example.com/?retryWrites=true&w=majority', 'relearn'],
    ['mongodb://user:p%40ss@[::1]:27017/a%20b', 'a b'],
  ])('%s names the database %s', async (url, database) => {
    const options = mongoOptions(url, none);
    expect(options).toMatchObject({ url, database });
    expect(options.client.auth).toBeUndefined();
    expect(options.client.tls).toBeUndefined();
  });

  test.each(['', 'db:27017', 'http://db', 'mongodb://', 'mongodb:///relearn', 'mongodb://a@b@c/d'])(
    '%j is none',
    (url) => {
      expect(() => mongoOptions(url, none)).toThrow(
        expect.objectContaining({ code: 'INVALID_CONFIG', place: { field: 'RELEARN_STORE' } }),
      );
    },
  );

  test('what the driver refuses is INVALID_CONFIG too', () => {
    expect(() => openMongo(mongoOptions('mongodb://db/?nonsense=1', none), systemClock)).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', message: expect.stringContaining('nonsense') }),
    );
  });

  test('writes wait for a majority’s journal, and reads are the primary’s, whatever the connection string says', () => {
    const { client } = mongoOptions('mongodb://db/?w=1&journal=false&readPreference=secondary', none);
    expect(client.writeConcern).toMatchObject({ w: 'majority', journal: true });
    expect(client).toMatchObject({ readPreference: 'primary', readConcern: { level: 'majority' } });
  });
});

describe('credentials and TLS', () => {
  test('user and password', () => {
    const setting = from({ RELEARN_MONGODB_USER: 'relearn', RELEARN_MONGODB_PASSWORD: 's3cret' });
    expect(mongoOptions('mongodb://db', setting).client.auth).toEqual({ username: 'relearn', password: 's3cret' });
  });

  test('a certificate of the authority turns TLS on; one of our own comes with its key', () => {
    expect(mongoOptions('mongodb://db', from({ RELEARN_MONGODB_CA: pem })).client).toMatchObject({
      tls: true,
      ca: pem,
    });
    const setting = from({ RELEARN_MONGODB_CERT: pem, RELEARN_MONGODB_KEY: pem });
    expect(mongoOptions('mongodb://db', setting).client).toMatchObject({ tls: true, cert: pem, key: pem });
  });

  test.each([
    [{ RELEARN_MONGODB_USER: 'relearn' }, 'RELEARN_MONGODB_PASSWORD'],
    [{ RELEARN_MONGODB_PASSWORD: 's3cret' }, 'RELEARN_MONGODB_USER'],
    [{ RELEARN_MONGODB_CERT: pem }, 'RELEARN_MONGODB_KEY'],
    [{ RELEARN_MONGODB_KEY: pem }, 'RELEARN_MONGODB_CERT'],
    [{ RELEARN_MONGODB_CA: '/etc/ca.pem' }, 'RELEARN_MONGODB_CA'],
  ])('%j lacks %s', (settings, field) => {
    expect(() => mongoOptions('mongodb://db', from(settings))).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', place: { field } }),
    );
  });
});

test('a server that is not there is UNAVAILABLE, and health says why', async () => {
  const mongo = openMongo(mongoOptions('mongodb://127.0.0.1:1/a', none), systemClock);
  expect(mongo.health()?.code).toBe('UNAVAILABLE');
  await expect(mongo.run('runs', (database) => database.command({ ping: 1 }))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('runs: '),
  });
  expect(mongo.health()?.message).toContain('ECONNREFUSED');
  await mongo.close();
  await expect(mongo.run('runs', (database) => database.command({ ping: 1 }))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('closed'),
  });
});
