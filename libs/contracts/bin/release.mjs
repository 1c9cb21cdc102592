// Freezes the schemas of events that have none yet: what is frozen is never written again. `npm run build` first.
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventTypes } from '../dist/index.js';

const folder = fileURLToPath(new URL('../released/', import.meta.url));
for (const { type, schema } of eventTypes().values()) {
  const file = `${folder}${type}.json`;
  if (existsSync(file)) continue;
  writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
  process.stdout.write(`${type} is frozen\n`);
}
