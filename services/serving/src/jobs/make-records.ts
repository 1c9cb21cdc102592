import { recordsOf, type Shipment, type ShippedRecords } from '../spool/shipment.js';

/** Worker job: reads lines of the prediction spool and makes them events. */
export function run(input: Shipment): Promise<ShippedRecords> {
  return recordsOf(input);
}
