#!/usr/bin/env -S MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072 node
// The launcher: builds what is missing or out of date, then hands over to the compiled command line.
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { ensureBuilt } from './build.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`relearn needs Node 20.19 or newer; this is ${process.versions.node}\n`);
  process.exit(1);
}

// V8 would at times put each request into its old generation at once, where it stays until a whole collection.
setFlagsFromString('--no-allocation-site-pretenuring');
// Between idle times V8 would let the heap grow fourfold before it collects what is dead.
setFlagsFromString('--heap-growing-percent=60');
// ONNX Runtime reports models and runs to its maker unless this is set when it is loaded; 0 lets it.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

if (await ensureBuilt(root)) {
  const { main } = await import('../dist/index.js');
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.exitCode = 1;
}
