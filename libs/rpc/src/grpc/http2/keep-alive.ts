import type { Clock, Timer } from '@relearn/kernel';
import type { Http2Connection } from './protocol/index.js';

const everyMs = 60_000;
const patienceMs = 20_000;

/** Asks now and then whether the other side is still there, and drops the connection where it is not. */
export function keepAlive(connection: Http2Connection, clock: Clock): Timer {
  let timer: Timer;
  const rest = () => {
    timer = clock.after(everyMs, ask);
  };
  const ask = () => {
    timer = clock.after(patienceMs, () => connection.destroy());
    connection.ping(() => {
      timer.cancel();
      rest();
    });
  };
  rest();
  return { cancel: () => timer.cancel() };
}
