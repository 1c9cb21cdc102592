import type { PipelineCatalog } from '@relearn/contracts';

const all = ['binary', 'multiclass', 'regression'] as const;

export const catalog: PipelineCatalog = {
  trainers: {
    boosting: {
      tasks: all,
      parameters: {
        max_leaves: { type: 'integer', min: 2, max: 4096 },
        learning_rate: { type: 'number', min: 1e-6, max: 1 },
      },
    },
    logistic: { tasks: ['binary', 'multiclass'], parameters: { l2: { type: 'number', min: 0 } } },
    linear: { tasks: ['regression'], parameters: { l2: { type: 'number', min: 0 } } },
    baseline: { tasks: all, parameters: {} },
  },
  metrics: {
    roc_auc: { tasks: ['binary'] },
    log_loss: { tasks: ['binary', 'multiclass'] },
    accuracy: { tasks: ['binary', 'multiclass'] },
    rmse: { tasks: ['regression'] },
  },
  driftMethods: { number: ['psi:binned', 'ks:binned'], category: ['psi:binned'] },
};

/** A pipeline file in which every section says something. */
export const flights = `name: flights
description: Will it be late?
entity: [carrier, flight]
source:
  rows: { files: [data/flights.parquet], time: scheduled_departure, id: [flight_id] }
  context:
    weather: { files: [data/weather.parquet], time: observed_at, known_after: 1h }
schema:
  columns:
    flight_id: string
    scheduled_departure: timestamp
    carrier: category
    flight: { type: integer, range: [0, null] }
    origin: { type: category, values: [EWR, JFK, LGA] }
    distance: { type: number, unit: mi }
    on_time: { type: boolean, nullable: true }
    arrived_at: { type: timestamp, nullable: true }
    dep_delay: { type: number, nullable: true, known_at: label }
    arr_delay: { type: number, nullable: true }
  context:
    weather: { origin: category, observed_at: timestamp, temp: { type: number, nullable: true } }
  window: { rows: [1, null], null_share: { temp: 0.2 } }
label: { expression: arr_delay > 15, known_at: arrived_at }
features:
  - carrier
  - { name: dep_hour, expression: hour(scheduled_departure) }
  - { name: late_3h, aggregate: mean, of: label, by: [origin], window: 3h }
  - { name: temp, join: weather, column: temp, on: [origin], max_age: 3h }
  - { name: carrier_before, lag: 1, of: carrier, by: [origin] }
train:
  window: 365d
  candidates:
    - { trainer: boosting, parameters: { max_leaves: [31, 15], learning_rate: 0.1 } }
    - { trainer: logistic }
evaluate: { metrics: [roc_auc, { name: log_loss, maximum: 0.6 }] }
monitor: { window: 1d, drift: { number: psi:binned } }
retrain: { drift: null, schedule: { every: 30d } }
`;

/** A pipeline file with nothing but what must be there. */
export const minimal = `name: demo
source:
  rows: { time: at }
schema:
  columns:
    at: timestamp
    x: number
    k: category
    note: string
    seen: timestamp
    y: number
label: { column: y }
`;
