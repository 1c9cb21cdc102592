import { businessNow, deciderPart, foldPart, type Ports, type RunningService } from '@relearn/runtime';
import { requestByHand } from './domain/decide.js';
import { profileWindows } from './handlers/profile-windows.js';
import { References } from './handlers/references.js';
import { triggerDecider } from './handlers/triggers.js';
import { type MonitoringCommands, type MonitoringHandlers, monitoringHandlers } from './rpc/monitoring.js';

/** Monitoring: predictions and labels in; window profiles, drift, realised performance and retrain requests out. */
export function createMonitoring(
  ports: Ports,
): RunningService & { readonly commands: MonitoringCommands; readonly rpc: MonitoringHandlers } {
  const decider = triggerDecider();
  const fold = profileWindows(new References());
  const part = deciderPart(ports, decider);
  const commands: MonitoringCommands = {
    async requestRetrain(pipeline, actor) {
      const now = await businessNow(ports, pipeline);
      const events = await part.host.command(pipeline, now, actor, (state) => requestByHand(state, actor));
      return events[0]?.subject ?? '';
    },
  };
  return {
    manifest: {
      name: 'monitoring',
      consumes: ['data.valid', 'predictions', 'control', 'monitoring'],
      produces: ['monitoring', 'control'],
      collections: [],
    },
    parts: [foldPart(ports, fold), part],
    deciders: [decider],
    folds: [fold],
    commands,
    rpc: monitoringHandlers(ports, commands),
  };
}
