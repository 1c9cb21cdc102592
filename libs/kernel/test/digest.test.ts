import { canonicalJson, digestOf, sha256 } from '@relearn/kernel';
import { expect, test } from 'vitest';

test('canonical JSON has the keys of all objects in order, and no white space', () => {
  const value = { b: [{ z: 1, a: null }, 'x'], a: { ä: true, Z: 0.5, 10: 1, 9: 2 } };
  expect(canonicalJson(value)).toBe('{"a":{"9":2,"10":1,"Z":0.5,"ä":true},"b":[{"a":null,"z":1},"x"]}');
  expect(digestOf({ b: 1, a: 2 })).toBe(digestOf({ a: 2, b: 1 }));
});

test('canonical JSON leaves out and replaces what JSON does', () => {
  const value = { none: undefined, nan: Number.NaN, at: new Date(0), list: [undefined, () => 0] };
  expect(canonicalJson(value)).toBe('{"at":"1970-01-01T00:00:00.000Z","list":[null,null],"nan":null}');
  expect(canonicalJson({ told: { toJSON: () => ({ b: 1, a: [2] }) } })).toBe('{"told":{"a":[2],"b":1}}');
});

test('SHA-256 of text is that of its UTF-8 bytes', () => {
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(sha256('abc')).toBe(abc);
  expect(sha256(new TextEncoder().encode('abc'))).toBe(abc);
});
