import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { identityModel } from './models.js';
import { call, type RestReply } from './rest-calls.js';
import { load, type Served, serve } from './serve.js';

let served: Served;

beforeAll(async () => {
  served = await serve();
  for (const type of ['FP32', 'INT32', 'INT64', 'BOOL', 'BYTES'] as const) {
    await load(served.host, type, 1, identityModel(type));
  }
});

afterAll(() => served.stop());

// Whatever came before, the next good request is answered.
afterEach(async () => {
  const body = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]}';
  expect(await infer(body)).toMatchObject({ status: 200, json: { outputs: [{ data: [1, 2] }] } });
});

function infer(payload: string | Buffer, model = 'FP32', headers: object = {}): Promise<RestReply> {
  return call(served.app, {
    method: 'POST',
    url: `/v2/models/${model}/infer`,
    payload: Buffer.from(payload),
    headers: { ...headers },
  });
}

const input = (members: string) => `{"inputs":[{"name":"x","datatype":"FP32",${members}}]}`;
const data = (values: string, type = 'FP32', shape = '[1,2]') =>
  `{"inputs":[{"name":"x","datatype":"${type}","shape":${shape},"data":${values}}]}`;
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const utf16 = Buffer.from(`\ufeff${data('[1,2]')}`, 'utf16le');
const notUtf8 = Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xc3, 0x28]), Buffer.from('","inputs":[]}')]);

describe('what is no JSON is 400, with the character', () => {
  it.each<[string, string | Buffer, string]>([
    ['nothing', '', 'the document is empty at 0'],
    ['blanks alone', '  \n ', 'the text ends where a value is expected at 4'],
    ['a text', 'hello', 'no value at 0'],
    ['an open object', '{', 'no name of an object member at 1'],
    ['a cut body', data('[1,2]').slice(0, -3), 'neither comma nor } at'],
    ['a cut string', '{"inputs', 'a string without an end at 1'],
    ['a cut escape', '{"inputs\\', 'a string without an end at 1'],
    ['a cut number', '{"inputs":[-', 'no digit where a number goes on at 12 in inputs[0]'],
    ['a cut word', '{"inputs":tru', 'no value at 10 in inputs'],
    ['two values', `${data('[1,2]')}{}`, 'something after the value at'],
    ['a comma at the end of an array', data('[1,2,]'), 'no value at 67 in inputs[0].data[2]'],
    ['a comma at the end of an object', '{"inputs":[],}', 'no name of an object member at 13'],
    ['a comma twice', data('[1,,2]'), 'no value at 65 in inputs[0].data[1]'],
    ['no comma', data('[1 2]'), 'neither comma nor ] at'],
    ['no colon', '{"inputs" []}', 'no colon after the name of an object member at 10'],
    ['a name without quotes', '{inputs:[]}', 'no name of an object member at 1'],
    ['single quotes', "{'inputs':[]}", 'no name of an object member at 1'],
    ['a comment', '/* x */{}', 'no value at 0'],
    ['brackets that do not match', '{"inputs":[}', 'no value at 11'],
    ['NaN', data('[NaN,1]'), 'NaN and infinity are the strings'],
    ['Infinity', data('[Infinity,1]'), 'NaN and infinity are the strings'],
    ['minus Infinity', data('[-Infinity,1]'), 'no digit where a number goes on at'],
    ['a number that begins with 0', data('[01,2]'), 'a number that begins with 0 at 63 in inputs[0].data[0]'],
    ['a number with a plus', data('[+1,2]'), 'no value at 63'],
    ['a number that begins with a point', data('[.5,2]'), 'no value at 63'],
    ['a number that ends with a point', data('[1.,2]'), 'no digit where a number goes on at 65'],
    ['a hexadecimal number', data('[0x10,2]'), 'neither comma nor ] at'],
    ['a number beyond 64 bits', data('[1e999,2]'), 'a number beyond 64 bits at 63'],
    ['a number without end', data(`[${'9'.repeat(100_000)},2]`), 'more than 1000 characters at 63'],
    ['a control character', '{"id":"a\nb","inputs":[]}', 'a control character in a string at 8 in id'],
    ['an escape of nothing', '{"id":"\\x41"}', 'an escape that JSON does not have at 6 in id'],
    ['half an escape', '{"id":"\\u12"}', 'an escape that JSON does not have at 6 in id'],
    ['half a surrogate pair', data('["\\ud83d","b"]', 'BYTES'), 'half a surrogate pair at 64 in inputs[0].data[0]'],
    ['a pair the wrong way round', '{"id":"\\ude00\\ud83d"}', 'half a surrogate pair at 6 in id'],
    ['bytes that are not UTF-8', notUtf8, 'the text is not UTF-8 at 0'],
    ['UTF-16', utf16, 'the text is not UTF-8 at 0'],
    ['a byte order mark', `\ufeff${data('[1,2]')}`, 'a byte order mark before the value at 0'],
    ['a NUL at the end', `${data('[1,2]')}\0`, 'something after the value at'],
    ['a name given twice', '{"inputs":[],"inputs":[]}', 'a name that is there already at 13 in inputs'],
    [
      'a name given twice inside',
      input('"shape":[1,2],"shape":[1,2],"data":[1,2]'),
      'there already at 55 in inputs[0].shape',
    ],
    ['200,000 arrays', deep(200_000), 'more than 72 levels at 72'],
    ['200,000 arrays as data', data(deep(200_000)), 'more than 72 levels at'],
    ['200,000 arrays that never end', '['.repeat(200_000), 'more than 72 levels at'],
    ['200,000 objects', '{"a":'.repeat(200_000), 'more than 72 levels at'],
    ['200,000 objects side by side', data(`[${'{},'.repeat(200_000)}{}]`), 'more than 50000 objects at 150057'],
  ])('%s', async (_what, body, text) => {
    const answer = await infer(body);
    expect(answer).toMatchObject({ status: 400, json: { error: expect.stringContaining(text) } });
    expect(answer.json['error']).toMatch(/^failed to parse the request JSON/);
    expect(String(answer.json['error']).length).toBeLessThan(300);
  });
});

describe('what is no request is 400, with the place', () => {
  it.each<[string, string, string]>([
    ['an array', '[]', 'it is not an object'],
    ['a string', '"inputs"', 'it is not an object'],
    ['null', 'null', 'it is not an object'],
    ['no inputs', '{}', "Unable to parse 'inputs': attempt to access non-existing object member 'inputs' (inputs)"],
    [
      'inputs that are an object',
      '{"inputs":{}}',
      "Unable to parse 'inputs': attempt to access JSON non-array as array",
    ],
    ['inputs that are null', '{"inputs":null}', "Unable to parse 'inputs'"],
    [
      'an input that is a number',
      '{"inputs":[3]}',
      "Unable to parse 'inputs': attempt to access JSON non-object as object (inputs[0])",
    ],
    ['no name', '{"inputs":[{"datatype":"FP32","shape":[1,2],"data":[1,2]}]}', '(inputs[0].name)'],
    [
      'a name that is a number',
      '{"inputs":[{"name":1,"datatype":"FP32","shape":[1,2],"data":[1,2]}]}',
      "Unable to parse 'name'",
    ],
    ['no datatype', '{"inputs":[{"name":"x","shape":[1,2],"data":[1,2]}]}', "Unable to parse 'datatype'"],
    ['a datatype that does not exist', data('[1,2]', 'fp32'), 'invalid datatype for input x'],
    ['no shape', input('"data":[1,2]'), "Unable to parse 'shape'"],
    [
      'a shape that is a number',
      data('[1,2]', 'FP32', '2'),
      "Unable to parse 'shape': attempt to access JSON non-array as array",
    ],
    ['a size that is a string', data('[1,2]', 'FP32', '["1","2"]'), '(inputs[0].shape[0])'],
    ['a size that is a fraction', data('[1,2]', 'FP32', '[1,2.5]'), '(inputs[0].shape[1])'],
    ['a size that is null', data('[1,2]', 'FP32', '[1,null]'), '(inputs[0].shape[1])'],
    [
      'a negative size',
      data('[1,2]', 'FP32', '[-1,2]'),
      "All input dimensions should be specified for input 'x' for model 'FP32', got [-1,2]",
    ],
    ['no dimension', data('[1]', 'FP32', '[]'), "has no shape but model requires batch dimension for 'FP32'"],
    [
      'no row',
      data('[]', 'FP32', '[0,2]'),
      "unexpected shape for input 'x' for model 'FP32'. Expected [-1,2], got [0,2]. ",
    ],
    [
      '2^40 rows',
      data('[1,2]', 'FP32', '[1099511627776,2]'),
      "inference request batch-size must be <= 1000 for 'FP32'",
    ],
    ['2^40 columns', data('[1,2]', 'FP32', '[1,1099511627776]'), 'unexpected shape for input'],
    ['sizes whose product ends beyond numbers', data('[1,2]', 'FP32', '[4611686018427387904,4]'), 'batch-size must be'],
    ['a size beyond 64 bits', data('[1,2]', 'FP32', '[1,1e300]'), 'unexpected shape for input'],
    ['100 dimensions', data('[1,2]', 'FP32', `[${'1,'.repeat(99)}2]`), "Unable to parse 'shape': more than 64 entries"],
    ['no data', input('"shape":[1,2]'), 'Input must set only one of the following fields'],
    [
      'data that are a number',
      data('1'),
      "Unable to parse 'data': attempt to access JSON non-array as array (inputs[0].data)",
    ],
    ['data that are a string', data('"12"'), "Unable to parse 'data'"],
    ['data that are an object', data('{"0":1,"1":2}'), "Unable to parse 'data'"],
    ['data that are null', data('null'), "Unable to parse 'data'"],
    ['too few values', data('[1]'), "Unable to parse 'data': Shape does not match true shape of 'data' field"],
    ['too many values', data('[1,2,3]'), "Shape does not match true shape of 'data' field: 3 values for [1,2]"],
    [
      'a string among numbers',
      data('["1",2]'),
      `Unable to parse 'data': value 0 ("1") of input 'x' for model 'FP32' is no FP32`,
    ],
    ['a boolean among numbers', data('[1,true]'), "value 1 (true) of input 'x'"],
    ['an object among numbers', data('[{"a":1},2]'), 'value 0 (an object)'],
    ['an empty array among numbers', data('[[],2]'), 'arrays and values side by side'],
    ['a fraction for an integer', data('[1.5,2]', 'INT32'), 'value 0 (1.5)'],
    ['an integer that is too great', data('[2147483648,2]', 'INT32'), 'value 2147483648 of input tensor'],
    ['a text for an integer', data('["1",2]', 'INT32'), 'value 0 ("1")'],
    ['null for an integer', data('[null,2]', 'INT32'), 'value 0 (null)'],
    ['an integer beyond 64 bits', data('[9223372036854775808,2]', 'INT64'), 'value 0 (9223372036854775808)'],
    ['a number for a boolean', data('[1,0]', 'BOOL'), 'value 0 (1)'],
    ['a number for a text', data('[1,"b"]', 'BYTES'), 'value 0 (1)'],
    [
      'an id that is a number',
      `{"id":7,${data('[1,2]').slice(1)}`,
      "Unable to parse 'id': attempt to access JSON non-string as string (id)",
    ],
    ['parameters that are an array', `{"parameters":[],${data('[1,2]').slice(1)}`, "Unable to parse 'parameters'"],
    [
      'a parameter that is an array',
      `{"parameters":{"a":[]},${data('[1,2]').slice(1)}`,
      "parameter 'a' has invalid type. It should be either 'int', 'bool', or 'string'.",
    ],
    [
      'a parameter that is null',
      `{"parameters":{"a":null},${data('[1,2]').slice(1)}`,
      "parameter 'a' has invalid type",
    ],
    [
      'a parameter beyond 64 bits',
      `{"parameters":{"a":18446744073709551616},${data('[1,2]').slice(1)}`,
      "parameter 'a'",
    ],
    [
      'a timeout that is a text',
      `{"parameters":{"timeout":"5"},${data('[1,2]').slice(1)}`,
      "Unable to parse 'timeout': attempt to access JSON non-unsigned-integer as unsigned-integer (parameters.timeout)",
    ],
    ['a timeout below 0', `{"parameters":{"timeout":-5},${data('[1,2]').slice(1)}`, "Unable to parse 'timeout'"],
    [
      'a priority that is a fraction',
      `{"parameters":{"priority":1.5},${data('[1,2]').slice(1)}`,
      "Unable to parse 'priority'",
    ],
    [
      'a reserved parameter',
      `{"parameters":{"triton_x":1},${data('[1,2]').slice(1)}`,
      "parameter keys starting with 'triton_' are reserved",
    ],
    ['outputs that are a text', `{"outputs":"y",${data('[1,2]').slice(1)}`, "Unable to parse 'outputs'"],
    [
      'an output that is a text',
      `{"outputs":["y"],${data('[1,2]').slice(1)}`,
      "Unable to parse 'outputs': attempt to access JSON non-object as object (outputs[0])",
    ],
    ['an output without a name', `{"outputs":[{}],${data('[1,2]').slice(1)}`, '(outputs[0].name)'],
    [
      'an unknown output',
      `{"outputs":[{"name":"z"}],${data('[1,2]').slice(1)}`,
      "unexpected inference output 'z' for model 'FP32'",
    ],
    ['an unknown input', data('[1,2]').replace('"x"', '"z"'), "unexpected inference input 'z' for model 'FP32'"],
    ['no input at all', '{"inputs":[]}', "expected 1 inputs but got 0 inputs for model 'FP32'"],
    ['10,001 inputs', `{"inputs":[${'{},'.repeat(10_000)}{}]}`, "Unable to parse 'inputs': more than 10000 entries"],
  ])('%s', async (_what, body, text) => {
    const [, type = 'FP32'] = /"datatype":"(INT32|INT64|BOOL|BYTES)"/.exec(body) ?? [];
    const answer = await infer(body, type);
    expect(answer).toMatchObject({ status: 400, json: { error: expect.stringContaining(text) } });
  });

  it('is answered by 404 before it is looked at where there is no such model', async () => {
    expect(await infer('{', 'nobody')).toMatchObject({
      status: 404,
      json: { error: "Request for unknown model: 'nobody' is not found" },
    });
  });
});

describe('what looks odd and is right', () => {
  it.each<[string, string, string]>([
    [
      'blanks everywhere',
      ' { "inputs" : [ { "name" : "x" , "datatype":"FP32","shape":[ 1 , 2 ],\t"data":[\r\n1 , 2 ] } ] } \n',
      '[1,2]',
    ],
    ['names in any order', '{"inputs":[{"data":[1,2],"shape":[1,2],"datatype":"FP32","name":"x"}]}', '[1,2]'],
    ['members that nobody knows', `{"x":{"y":[null,{}]},${data('[1,2]').slice(1)}`, '[1,2]'],
    ['an integer of 17 digits as FP32', data('[16777217,12345678901234567]'), '[16777216,12345678407663616]'],
    ['exponents', data('[1E2,-2.5e-1]'), '[100,-0.25]'],
    ['a fraction of many digits', data(`[0.${'1'.repeat(900)},2]`), '[0.1111111119389534,2]'],
    ['escapes', data('["\\u00fc\\n\\"","\\ud83d\\ude00"]', 'BYTES'), '["ü\\n\\"","😀"]'],
    ['a name that objects have of their own', `{"__proto__":1,"constructor":2,${data('[1,2]').slice(1)}`, '[1,2]'],
    ['parameters of such names', `{"parameters":{"__proto__":1,"toString":2},${data('[1,2]').slice(1)}`, '[1,2]'],
  ])('%s', async (_what, body, values) => {
    const answer = await infer(body, body.includes('"BYTES"') ? 'BYTES' : 'FP32');
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toContain(`"data":${values}`);
  });
});
