import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from './run.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'relearn-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Two months of bikes: a count that goes with the temperature, and a day on which nobody counted. */
function bikes(): string {
  const lines = ['station,at,temp,holiday,count'];
  for (let hour = 0; hour < 1_440; hour++) {
    const at = new Date(Date.UTC(2024, 3, 1) + hour * 3_600_000).toISOString();
    lines.push(`s${hour % 3},${at},${(hour % 24) - 5},${hour % 7 === 0},${hour === 30 ? '' : (hour * 7) % 50}`);
  }
  writeFileSync(join(folder, 'bikes.csv'), lines.join('\n'));
  return 'bikes.csv';
}

const initArgs = ['init', 'bikes.csv', '--name', 'bikes', '--time', 'at', '--label', 'count'];

describe('init', () => {
  it('writes a file that check accepts, and says what it assumed', async () => {
    bikes();
    const made = await run(folder, [...initArgs, '--id', 'station,at', '--task', 'regression']);
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining('relearn check bikes.yaml') });
    expect(made.err).toContain('delay 0s');
    expect(readFileSync(join(folder, 'bikes.yaml'), 'utf8')).toContain('files: [bikes.csv]');
    const checked = await run(folder, ['check', 'bikes.yaml']);
    expect(checked).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(
        /^ok bikes.yaml: bikes: \d+ features, \d+ candidates for regression, judged by rmse\n$/,
      ),
    });
  });

  it('names the data file from the folder of what it writes', async () => {
    bikes();
    const { out, code } = await run(folder, [
      ...initArgs,
      '--label-delay',
      '1d',
      '--out',
      '../from-above.yaml',
      '--json',
    ]);
    const path = join(folder, '..', 'from-above.yaml');
    expect([code, JSON.parse(out)]).toMatchObject([0, { file: '../from-above.yaml', pipeline: 'bikes' }]);
    expect(readFileSync(path, 'utf8')).toMatch(/files: \[relearn-cli-\w+\/bikes\.csv\]/);
    rmSync(path);
  });

  it('writes over a file only when told to', async () => {
    bikes();
    writeFileSync(join(folder, 'bikes.yaml'), 'mine');
    const refused = await run(folder, initArgs);
    expect(refused).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^error ALREADY_EXISTS: .*bikes.yaml is there already\n.*--force/),
    });
    expect(readFileSync(join(folder, 'bikes.yaml'), 'utf8')).toBe('mine');
    expect((await run(folder, [...initArgs, '--force'])).code).toBe(0);
  });

  it.each([
    [['init', 'nothing.csv', '--name', 'bikes', '--time', 'at', '--label', 'count'], 'NOT_FOUND'],
    [['init', 'bikes.csv', '--name', 'bikes', '--time', 'when', '--label', 'count'], "no column 'when'"],
    [[...initArgs, '--task', 'guessing'], 'no such task'],
    [[...initArgs, '--label-delay', 'soon'], "'soon' is not a duration"],
    [['init', 'bikes.csv', '--name', 'bikes', '--time', 'at'], "required option '--label"],
  ])('ends with 2 for %j', async (args, message) => {
    bikes();
    const ran = await run(folder, args);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toContain(message);
    expect(ran.err).not.toMatch(/\n\s+at /);
  });
});

describe('check', () => {
  const bad = [
    'name: bikes',
    'source:',
    '  rows: { files: [b.csv], time: at, idd: [x] }',
    'schema:',
    '  columns: { at: timestamp, n: numbr }',
    'label: { column: n }',
    'features: [n]',
  ];

  it('names every error by file, line and column, with what to do', async () => {
    writeFileSync(join(folder, 'bad.yaml'), bad.join('\n'));
    const { code, err, out } = await run(folder, ['check', 'bad.yaml']);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^bad\.yaml:3:\d+: source\.rows\.idd: .*\n {2}.*'id'/);
    expect(err).toMatch(/\nbad\.yaml:5:\d+: schema\.columns\.n.*\n {2}.*number/);
    expect(err).toMatch(/\d errors in bad\.yaml\n$/);
  });

  it('tells them as JSON, too', async () => {
    writeFileSync(join(folder, 'bad.yaml'), bad.join('\n'));
    const { code, out } = await run(folder, ['check', 'bad.yaml', '--json']);
    expect([code, JSON.parse(out)]).toMatchObject([
      2,
      { ok: false, errors: [{ line: 3, field: 'source.rows.idd' }, { line: 5 }] },
    ]);
  });

  it('ends with 2 where there is no file, in JSON as well', async () => {
    const { code, out, err } = await run(folder, ['check', 'nothing.yaml', '--json']);
    expect([code, JSON.parse(out).error.code]).toEqual([2, 'NOT_FOUND']);
    expect(err).toBe('error NOT_FOUND: there is no such file (nothing.yaml)\n  Check the path of the file.\n');
  });

  it('ends with 2 where it is a folder', async () => {
    const { code, err } = await run(folder, ['check', '.']);
    expect([code, err]).toEqual([2, expect.stringMatching(/^error INVALID_INPUT: cannot be read: EISDIR.* \(\.\)\n/)]);
  });
});

describe('backtest', () => {
  it.each([
    [['backtest', 'nothing.yaml'], 'NOT_FOUND'],
    [['backtest', 'bikes.yaml', '--window', 'often'], 'often'],
    [['backtest', 'bikes.yaml', '--data', 'nothing.parquet'], 'nothing.parquet'],
  ])('ends with 2 for %j', async (args, message) => {
    bikes();
    await run(folder, initArgs);
    const ran = await run(folder, args);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toContain(message);
  });
});

describe('start', () => {
  it.each([
    ['nothing.yaml', undefined, 'there is no such file'],
    ['bad.yaml', 'name: bikes\nsauce: []\n', 'bad.yaml:2:1'],
  ])('tells what is wrong with %s before anything has started', async (file, text, message) => {
    if (text !== undefined) writeFileSync(join(folder, file), text);
    const ran = await run(folder, ['start', '--file', file]);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toContain(message);
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });

  it('tells of a data file that is not there before anything has started', async () => {
    const table = bikes();
    expect((await run(folder, initArgs)).code).toBe(0);
    rmSync(join(folder, table));
    const ran = await run(folder, ['start', '--file', 'bikes.yaml']);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toContain(`there is no such file (${join(folder, table)})`);
    expect(existsSync(join(folder, 'data'))).toBe(false);
  });
});

describe('a command that reads', () => {
  it('leaves a folder alone that is none of ours', async () => {
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    const env = { RELEARN_DATA: folder, RELEARN_URL: 'http://127.0.0.1:1' };
    const ran = await run(folder, ['status'], env);
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(readdirSync(folder)).toEqual(['notes.txt']);
  });
});

describe('the number of a model', () => {
  it.each(['4294967299', '1e99', '0', '-1', '1.5', 'x'])('is not %s', async (model) => {
    const ran = await run(folder, ['promote', 'bikes', model], { RELEARN_URL: 'http://127.0.0.1:1' });
    expect(ran.code).toBe(2);
  });
});

describe('rebuild', () => {
  it('makes no folder where there is none', async () => {
    const data = join(folder, 'none');
    const ran = await run(folder, ['rebuild'], { RELEARN_DATA: data });
    expect([ran.code, ran.out]).toEqual([2, '']);
    expect(ran.err).toContain(`there is no data folder ${data}`);
    expect(existsSync(data)).toBe(false);
  });
});

describe('usage', () => {
  it('is told as JSON where JSON was asked for', async () => {
    const ran = await run(folder, ['status', '--json', '--bogus']);
    expect([ran.code, JSON.parse(ran.out)]).toMatchObject([
      2,
      { error: { code: 'INVALID_INPUT', message: "unknown option '--bogus'" } },
    ]);
  });

  it.each([
    [[], 2],
    [['chek', 'x'], 2],
    [['check'], 2],
    [['check', 'a', 'b'], 2],
    [['serve', 'nobody'], 2],
    [['start', '--speed', 'fast'], 2],
    [['--help'], 0],
    [['init', '--help'], 0],
    [['--version'], 0],
  ])('%j ends with %i', async (args, code) => {
    const ran = await run(folder, args);
    expect(ran.code).toBe(code);
    expect((code === 0 ? ran.out : ran.err).length).toBeGreaterThan(4);
  });

  it('shows an example of every command', async () => {
    const { out } = await run(folder, ['--help']);
    const names = [...out.matchAll(/^ {2}([a-z-]+) .*/gm)]
      .map(([, name]) => name ?? '')
      .filter((name) => name !== 'help');
    expect(names).toHaveLength(21);
    for (const name of names) {
      const { out: help } = await run(folder, name === 'dead-letters' ? [name, 'list', '--help'] : [name, '--help']);
      expect(help).toMatch(new RegExp(`Example:\n  relearn ${name}`));
      expect(help).toContain('--json');
    }
  });
});

describe('plan', () => {
  it('wants rate and latency together, as numbers', async () => {
    expect(await run(folder, ['plan', 'm.onnx', '--rate', '10'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--rate and --p99 belong together'),
    });
    expect(await run(folder, ['plan', 'm.onnx', '--rate', '-1', '--p99', '5'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--rate -1 is no number above 0'),
    });
  });

  it('names the file that is not there, and says what is no model', async () => {
    expect(await run(folder, ['plan', 'm.onnx'])).toMatchObject({
      err: expect.stringMatching(/there is no such file \(.*m.onnx\)/),
    });
    writeFileSync(join(folder, 'm.onnx'), 'no model');
    expect(await run(folder, ['plan', 'm.onnx'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('the runtime cannot load the model'),
    });
  });
});
