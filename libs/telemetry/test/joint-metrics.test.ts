import { describe, expect, test } from 'vitest';
import { createMetrics, JointMetrics, type Metrics, silentTelemetry } from '@relearn/telemetry';

const model = { model: 'm', version: '1' };
const queued = { pipeline: 'm', model: '1', arm: 'champion' };

function toldBy(metrics: Metrics, answered: number): Metrics {
  metrics.tritonSuccess.add(model, answered);
  metrics.tritonPending.set(model, answered);
  metrics.consumerLag.set({ service: 'serving', topic: 'features' }, answered);
  for (let count = 0; count < answered; count++) metrics.inferenceQueue.observe(queued, 0.02, `trace-${answered}`);
  return metrics;
}

const silent = () => silentTelemetry().metrics;
const samples = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('the metrics of several processes', () => {
  test('add up what each counts, take the greatest of what each sees of the same, and observe together', async () => {
    const joint = new JointMetrics();
    joint.told('0', await toldBy(silent(), 3).figures('0'));
    joint.told('1', await toldBy(silent(), 5).figures('1'));
    const { body } = joint.render();

    expect(body).toContain('nv_inference_request_success{model="m",version="1"} 8');
    expect(body).toContain('nv_inference_pending_request_count{model="m",version="1"} 8');
    expect(body).toContain('relearn_consumer_lag_records{service="serving",topic="features"} 5');
    expect(body).toContain('relearn_inference_queue_seconds_bucket{le="0.02",pipeline="m",model="1",arm="champion"} 8');
    expect(body).toContain('relearn_inference_queue_seconds_count{pipeline="m",model="1",arm="champion"} 8');
  });

  test('of one process are its own, in both texts', async () => {
    const metrics = toldBy(silent(), 3);
    const joint = new JointMetrics();
    joint.told('0', await metrics.figures('0'));
    for (const accept of ['', 'application/openmetrics-text']) {
      const [together, alone] = [joint.render(accept), await metrics.render(accept)];
      expect(together.contentType).toBe(alone.contentType);
      expect(samples(together.body).sort()).toEqual(samples(alone.body).sort());
    }
    expect(joint.render('application/openmetrics-text').body).toContain('# {trace_id="trace-3"} 0.02');
  });

  test('tell apart what a process tells of itself', async () => {
    const joint = new JointMetrics();
    for (const process of ['0', '1']) {
      const metrics = createMetrics();
      joint.told(process, await metrics.figures(process));
      metrics.stop();
    }
    const { body } = joint.render();
    for (const process of ['0', '1']) {
      expect(body).toContain(`process_start_time_seconds{process="${process}"}`);
      expect(body).toContain(`relearn_event_loop_delay_seconds{quantile="0.99",process="${process}"}`);
    }
    expect(body.match(/^# TYPE process_start_time_seconds /gm)).toHaveLength(1);
  });

  test('do not fall when a process ends and another begins from nothing', async () => {
    const joint = new JointMetrics();
    joint.told('0', await toldBy(silent(), 3).figures('0'));
    joint.told('1', await toldBy(silent(), 5).figures('1'));
    joint.ended('1');
    joint.ended('0');
    joint.told('0', await toldBy(silent(), 1).figures('0'));
    const { body } = joint.render();

    expect(body).toContain('nv_inference_request_success{model="m",version="1"} 9');
    expect(body).toContain('relearn_inference_queue_seconds_count{pipeline="m",model="1",arm="champion"} 9');
    // What waits in a process, and how far it is behind, ends with it.
    expect(body).toContain('nv_inference_pending_request_count{model="m",version="1"} 1');
    expect(body).toContain('relearn_consumer_lag_records{service="serving",topic="features"} 1');
  });
});
