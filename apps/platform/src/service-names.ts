/** The eight services and the people's door, in the order of the loop. */
export const serviceNames = [
  'ingestion',
  'validation',
  'feature',
  'training',
  'evaluation',
  'registry',
  'serving',
  'monitoring',
  'console',
] as const;
export type ServiceName = (typeof serviceNames)[number];
