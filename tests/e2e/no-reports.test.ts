import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { linearModel } from '../../services/serving/test/models.js';
import { freePorts } from '../brokers/protocols.js';
import { cleanUpAfterEach } from './clean-up.js';
import { isReady, launcher } from './processes.js';
import { post } from './wire.js';
import { eventually, temporaryFolder } from './world.js';

const cleanUp = cleanUpAfterEach();

test('given a model that answers, then its runtime has written no reports to its maker', async () => {
  const temporary = await temporaryFolder();
  cleanUp.push(temporary.remove);
  const home = join(temporary.path, 'home');
  await mkdir(home);
  await writeFile(join(temporary.path, 'model.onnx'), linearModel(0).onnx);
  const [http, grpc] = await freePorts(2);
  const url = `http://127.0.0.1:${http}`;
  // Without what keeps the runtime silent where tests run.
  const { CI: _, ORT_DISABLE_TELEMETRY: __, XDG_CACHE_HOME: ___, ...inherited } = process.env;
  const env = {
    ...inherited,
    HOME: home,
    RELEARN_DATA: join(temporary.path, 'data'),
    RELEARN_HTTP: `127.0.0.1:${http}`,
    RELEARN_GRPC: `127.0.0.1:${grpc}`,
    RELEARN_URL: url,
  };
  const relearn = (...argv: string[]) => {
    const child = spawn(launcher, argv, { cwd: temporary.path, env, stdio: 'ignore' });
    return { child, ended: once(child, 'exit') };
  };

  const platform = relearn('up');
  cleanUp.push(() => {
    platform.child.kill('SIGTERM');
    return platform.ended;
  });
  await eventually('the platform', () => isReady(url));
  const [code] = await relearn('models', 'register', 'score', 'model.onnx', '--alias', 'champion').ended;
  expect(code).toBe(0);
  const input = (name: string) => ({ name, datatype: 'FP32', shape: [1, 1], data: [1] });
  const { status } = await post(`${url}/v2/models/score/infer`, { inputs: [input('a'), input('b')] });
  expect(status).toBe(200);

  expect(await readdir(home)).toEqual([]);
});
