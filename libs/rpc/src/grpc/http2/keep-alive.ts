import type { ServerHttp2Session } from 'node:http2';
import type { Clock, Timer } from '@relearn/kernel';

const everyMs = 60_000;
const patienceMs = 20_000;

/** Asks now and then whether the other side is still there, and drops the connection where it is not. */
export function keepAlive(session: ServerHttp2Session, clock: Clock): Timer {
  let timer: Timer;
  const rest = () => {
    timer = clock.after(everyMs, ask);
  };
  const ask = () => {
    timer = clock.after(patienceMs, () => session.destroy());
    session.ping((failure) => {
      timer.cancel();
      if (failure === null) rest();
    });
  };
  rest();
  return { cancel: () => timer.cancel() };
}
