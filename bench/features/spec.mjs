const hour = 3_600_000;
const column = (type, more = {}) => ({ type, nullable: true, ...more });

const late = (name, by, hours) => ({
  name,
  type: 'number',
  aggregate: 'mean',
  of: 'label',
  by: [by],
  window: hours * hour,
});

/** The shape of the flights example: columns, calendar expressions, recent lateness, traffic and weather as known. */
export const benchSpec = {
  name: 'bench',
  description: '',
  entity: ['id'],
  source: {
    rows: { files: [], time: 'departs', id: ['id'] },
    context: { weather: { files: [], time: 'observed_at', id: ['origin'], known_after: hour } },
    lateness: 0,
    max_record_bytes: 262_144,
  },
  schema: {
    columns: {
      departs: column('timestamp'),
      origin: column('category'),
      carrier: column('category'),
      dest: column('category'),
      distance: column('number'),
      planned: column('number'),
      late: column('boolean', { known_at: 'label' }),
    },
    context: {
      weather: {
        observed_at: column('timestamp'),
        origin: column('category'),
        temperature: column('number'),
        wind: column('number'),
      },
    },
    window: { every: 24 * hour, null_share: {}, quarantine_share: 0.1 },
  },
  train: { task: 'binary' },
  label: { column: 'late', delay: 0, max_delay: 48 * hour, classes: [] },
  features: [
    { name: 'origin', type: 'category', column: 'origin' },
    { name: 'carrier', type: 'category', column: 'carrier' },
    { name: 'dest', type: 'category', column: 'dest' },
    { name: 'distance', type: 'number', column: 'distance' },
    { name: 'planned', type: 'number', column: 'planned' },
    { name: 'minute', type: 'number', expression: 'minute_of_day(departs)' },
    { name: 'weekday', type: 'number', expression: 'day_of_week(departs)' },
    { name: 'month', type: 'number', expression: 'month(departs)' },
    { name: 'speed', type: 'number', expression: 'distance / planned' },
    { name: 'weekend', type: 'number', expression: 'day_of_week(departs) >= 6 ? 1 : 0' },
    late('origin_1h', 'origin', 1),
    late('origin_3h', 'origin', 3),
    late('origin_24h', 'origin', 24),
    late('carrier_3h', 'carrier', 3),
    late('carrier_24h', 'carrier', 24),
    late('dest_6h', 'dest', 6),
    { name: 'traffic', type: 'number', aggregate: 'count', by: ['origin'], window: hour },
    { name: 'distance_6h', type: 'number', aggregate: 'std', of: 'distance', by: ['carrier'], window: 6 * hour },
    {
      name: 'temperature',
      type: 'number',
      join: 'weather',
      column: 'temperature',
      on: { origin: 'origin' },
      max_age: 6 * hour,
    },
    { name: 'wind', type: 'number', join: 'weather', column: 'wind', on: { origin: 'origin' }, max_age: 6 * hour },
  ],
};
