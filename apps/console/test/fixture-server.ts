// A console over made-up events, to look at in a browser: compile it, then run it with a port, and `empty` for no pipeline at all.
import fastify from 'fastify';
import { mulberry32 } from '@relearn/kernel';
import { ConsoleView, registerConsolePage, registerConsoleRoutes } from '@relearn/console';
import { day, memoryPorts, Story } from './story.js';
import { tellWindow, tellYear } from './year.js';

const ports = await memoryPorts();
const view = new ConsoleView(ports);
await view.start();
const refuse = () => Promise.reject(new Error('only to look at'));
const app = fastify();
const deps = {
  ports,
  view,
  registry: { apply: refuse, promote: refuse, rollBack: refuse, pin: refuse, unpin: refuse, registerModel: refuse },
  monitoring: { requestRetrain: refuse },
  serving: { predict: refuse },
  audit: async () => ({ events: 0, violations: [] }),
  verify: async () => ({ stored: { all: 'h', services: {} }, rebuilt: { all: 'h', services: {} }, difference: null }),
  work: async () => ({ behind: 0, jobs: 0 }),
  parse: () => {
    throw new Error('only to look at');
  },
  version: '0.1.0',
};
registerConsoleRoutes(app, deps);
registerConsolePage(app, deps);
await app.listen({ port: Number(process.argv[2] ?? 8099) });
if (process.argv[3] !== 'empty') {
  await tellYear(ports, 'flights');
  await new Story(ports, 'bikes').apply(Date.UTC(2024, 0, 1), 'rmse');
  const story = new Story(ports, 'flights-live');
  await story.apply(Date.UTC(2024, 0, 1));
  const chance = mulberry32(3);
  let index = 0;
  setInterval(() => {
    void tellWindow(story, index, Date.UTC(2024, 0, 1) + index * day, { model: 1, gain: 0 }, chance);
    index += 1;
    void story.checkpoint('validation', {
      received: index * 900,
      validated: index * 899,
      quarantined: index,
      duplicates: 0,
      markers: 0,
    });
  }, 500);
}
