// Loaded into a process before its own code (NODE_OPTIONS=--import): puts something between it and the world.
// CHAOS_ROUTES=9092=40001,...   who connects to the first port comes to the second, on 127.0.0.1: a link that can be cut
// CHAOS_CLOCK=FILE              how many milliseconds the wall clock is wrong, read again ten times a second
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';

const { CHAOS_ROUTES: routes, CHAOS_CLOCK: clockFile } = process.env;
if (routes !== undefined) reroute(new Map(routes.split(',').map((route) => route.split('='))));
if (clockFile !== undefined) mislead(clockFile);

function reroute(ports) {
  const { connect } = Socket.prototype;
  Socket.prototype.connect = function connectBy(...given) {
    // Node's own callers hand over their arguments in an array.
    const options = Array.isArray(given[0]) ? given[0][0] : given[0];
    const port = typeof options === 'object' ? ports.get(String(options?.port)) : undefined;
    if (port !== undefined) Object.assign(options, { host: '127.0.0.1', port: Number(port) });
    return Reflect.apply(connect, this, given);
  };
}

function mislead(file) {
  const now = Date.now;
  const offset = () => Number(readFileSync(file, 'utf8'));
  let wrongBy = offset();
  setInterval(() => {
    wrongBy = offset();
  }, 100).unref();
  Date.now = () => now() + wrongBy;
  globalThis.Date = new Proxy(Date, {
    construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [target.now()] : args, made),
  });
}
