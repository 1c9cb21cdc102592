// Runs the whole loop on a data folder in slices of a day, each worked through before the next, and goes on where it was
// killed. Says on stdout what was acknowledged, which failpoint kills it, and at the end what the log holds.
// node loop.mjs DATA_FOLDER PIPELINE_FILE   (RELEARN_FAILPOINT as for the platform)
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { auditLog } from '@relearn/audit';
import {
  dataQuarantined,
  dataValidated,
  modelPromoted,
  modelTrained,
  pipelineEnded,
  predictionLogged,
  recordsOf,
  topicNames,
} from '@relearn/contracts';
import { openRecorded, publishClock, publishRecorded } from '@relearn/ingestion';
import { canonicalJson, failpointsOf, systemChance, systemClock } from '@relearn/kernel';
import { embeddedEngines, loadPipeline, namedFiles, openPorts, startServices } from '@relearn/platform';
import { setBusinessNow } from '@relearn/runtime';
import { startTelemetry } from '@relearn/telemetry';
import { eventsOf } from '../../apps/platform/dist/backtest/read-log.js';
import { openTables } from '../../apps/platform/dist/pipeline/parse.js';
import { readProgress, writeProgress } from '../../apps/platform/dist/replay/progress.js';

const day = 86_400_000;
const [folder, file] = process.argv.slice(2);
const say = (kind, value) => writeSync(1, `${kind} ${JSON.stringify(value)}\n`);

let reached = '';
const armed = failpointsOf(process.env.RELEARN_FAILPOINT ?? '', () => {
  say('killed', reached);
  process.kill(process.pid, 'SIGKILL');
});
const failpoints = {
  hit(name) {
    reached = name;
    armed.hit(name);
  },
};

const kernel = { clock: systemClock, chance: systemChance, failpoints };
const onFailure = (error) => {
  throw error;
};
const options = {
  engines: embeddedEngines(folder),
  kernel,
  telemetry: await startTelemetry({ service: 'chaos', level: 'error' }),
  partitions: 2,
  durable: true,
  holdResults: true,
  onFailure,
};
const opened = await openPorts(options);
const { ports } = opened;
const services = await startServices(ports);
const pipeline = await loadPipeline(file);
const { name } = pipeline.spec;
const log = await openRecorded(pipeline.spec, await openTables(namedFiles(pipeline)));

const before = await readProgress(ports, name);
if (before !== null) log.position = before.position;
let end = before?.now ?? Math.floor(log.firstKnown / day) * day;
await setBusinessNow(ports, name, end);
await services.registry.apply(pipeline.text, pipeline.file, 'chaos');
await settle();
while (log.nextKnown !== null) {
  end = Math.max(end + day, Math.floor(log.nextKnown / day) * day + day);
  for (let batch = log.next(end, 20); batch !== null; batch = log.next(end, 20)) {
    await publishRecorded(ports, name, batch);
    say(
      'acknowledged',
      batch.records.map(({ stream, id }) => `${stream}/${id}`),
    );
  }
  await publishClock(ports, name, end);
  await setBusinessNow(ports, name, end);
  await settle();
  await writeProgress(ports, name, { input: '', position: log.position, now: end });
}
say('result', await result());
await services.stop();
await opened.close();

async function settle() {
  await ports.activity.idle(ports.bus);
  while (ports.activity.jobs() > 0) {
    await ports.activity.releaseNext();
    await ports.activity.idle(ports.bus);
  }
}

/** What the log holds, read through the sequence rule. */
async function result() {
  const valid = [];
  const quarantined = [];
  const predictions = [];
  const ends = [];
  const models = [];
  const promotions = [];
  const doubles = [];
  for (const topic of topicNames) {
    const ids = new Set();
    for await (const { event, fromRow } of eventsOf(ports, topic)) {
      if (ids.has(event.id)) doubles.push(event.id);
      ids.add(event.id);
      if (dataValidated.is(event)) {
        for (const { stream, id, index } of recordsOf(event.data)) if (index >= fromRow) valid.push(`${stream}/${id}`);
      } else if (dataQuarantined.is(event)) {
        for (const { stream, id } of event.data.records) quarantined.push(`${stream}/${id}`);
      } else if (predictionLogged.is(event)) predictions.push(...predicted(event.data, fromRow));
      else if (pipelineEnded.is(event)) ends.push([event.data.request, event.data.requestReason, event.data.outcome]);
      else if (modelTrained.is(event))
        models.push([event.data.turn, event.data.candidate.name, event.data.candidate.model]);
      else if (modelPromoted.is(event)) promotions.push(event.data.model);
    }
  }
  const audit = await auditLog({ ...ports, clock: systemClock, quiescent: true, folds: services.deciders });
  return { valid, quarantined, predictions, ends, models, promotions, doubles, audit };
}

/** Each row's id with a digest of what the models said of it. */
function predicted(data, fromRow) {
  return data.ids.slice(fromRow).map((id, index) => {
    const row = fromRow + index;
    const said = data.arms.map(({ arm, model, outputs }) => [
      arm,
      model,
      Object.entries(outputs).map(([key, cells]) => [key, cells[row]]),
    ]);
    const inputs = Object.entries(data.inputs).map(([key, cells]) => [key, cells[row]]);
    return `${id} ${createHash('sha256').update(canonicalJson({ said, inputs })).digest('hex').slice(0, 16)}`;
  });
}
