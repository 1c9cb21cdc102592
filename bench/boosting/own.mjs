// One timed fit of our trainer on the prepared table: own.mjs TABLE_FOLDER COLUMNS PARAMETERS.
// Prints {"seconds", "cpu_seconds", "log_loss", "onnx": {bytes, load_ms, row_ms, thousand_ms}}; the time is that of the whole train(),
// the ONNX bytes included.
import ort from 'onnxruntime-node';
import { trainers, validationLoss } from '../../libs/trainers/dist/index.js';
import { readTables } from './table.mjs';

const [folder, columns, parameters] = process.argv.slice(2);
const { train, trainLabels, test, testLabels, none } = readTables(folder, columns);
const input = {
  task: 'binary',
  classes: ['0', '1'],
  train,
  trainLabels,
  valid: none,
  validLabels: new Float64Array(0),
};

const cpuBegin = process.cpuUsage();
const begin = performance.now();
const model = trainers.boosting.train({ ...input, parameters: JSON.parse(parameters), seed: 1 });
const seconds = (performance.now() - begin) / 1000;
const cpu = process.cpuUsage(cpuBegin);
const logLoss = validationLoss('binary', model.predict(test), testLabels);
console.log(
  JSON.stringify({
    seconds,
    cpu_seconds: (cpu.user + cpu.system) / 1e6,
    log_loss: logLoss,
    onnx: await score(model.onnx),
  }),
);

/** What ONNX Runtime needs, one thread, for one row and for batches of 1,000: medians of 100 runs over unlike rows. */
async function score(onnx) {
  const loading = performance.now();
  const session = await ort.InferenceSession.create(onnx, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const load = performance.now() - loading;
  const medianOf = async (rows) => {
    const times = [];
    for (let run = -10; run < 100; run++) {
      const feeds = feedsOf(((run + 10) * 1009) % (test.rows - rows), rows);
      const started = performance.now();
      await session.run(feeds);
      if (run >= 0) times.push(performance.now() - started);
    }
    return times.sort((a, b) => a - b)[50];
  };
  return { bytes: onnx.length, load_ms: load, row_ms: await medianOf(1), thousand_ms: await medianOf(1000) };
}

function feedsOf(from, rows) {
  const tensors = test.columns.map((column) => {
    if (column.kind === 'number') {
      return new ort.Tensor('float32', Float32Array.from(column.values.subarray(from, from + rows)), [rows, 1]);
    }
    const texts = Array.from(column.codes.subarray(from, from + rows), (code) => column.dictionary[code] ?? '');
    return new ort.Tensor('string', texts, [rows, 1]);
  });
  return Object.fromEntries(test.columns.map(({ name }, i) => [name, tensors[i]]));
}
