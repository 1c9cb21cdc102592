// Writes deliveries.csv: 4,000 invented orders of a hundred days, the same at every run. `node make.mjs > deliveries.csv`
let state = 20250101;
function next() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}
const pick = (list) => list[Math.floor(next() * list.length)];
const minute = 60_000;
const iso = (ms) => new Date(ms).toISOString().slice(0, 19);

const begin = Date.UTC(2025, 0, 1);
const orders = Array.from({ length: 4000 }, () => {
  const day = Math.floor(next() * 100);
  const hour = 8 + Math.floor(next() * 14);
  return { day, hour, at: begin + (day * 1440 + hour * 60 + Math.floor(next() * 60)) * minute };
}).sort((a, b) => a.at - b.at);

console.log('order_id,placed_at,city,vehicle,distance_km,items,late,delivered_at');
orders.forEach(({ day, hour, at }, index) => {
  const city = pick(['Basel', 'Bern', 'Chur', 'Genf']);
  const vehicle = pick(['bike', 'car', 'van']);
  const distance = Math.round((0.5 + 9 * next() ** 2) * 10) / 10;
  const items = 1 + Math.floor(next() * 6);
  const rush = hour === 12 || hour === 18 || hour === 19;
  // From the sixtieth day on vans have a lane of their own, bikes do not any more, and roads are dug up in Bern.
  const changed = day >= 60;
  const byVehicle = changed ? { bike: 1.6, car: 0.2, van: -1.6 } : { bike: -1.2, car: 0.2, van: 1.2 };
  const byCity = { Basel: 0, Bern: changed ? 1.5 : -0.4, Chur: -0.3, Genf: 0.5 };
  const score = -2.9 + 0.33 * distance + 0.1 * items + (rush ? 1.1 : 0) + byVehicle[vehicle] + byCity[city];
  const late = next() < 1 / (1 + Math.exp(-score));
  const known = at + Math.round(18 + 5 * distance + (late ? 35 : 0) + 12 * next()) * minute;
  const cancelled = next() < 0.02;
  const outcome = cancelled ? ',' : `${late},${iso(known)}`;
  console.log(`D${String(index + 1).padStart(4, '0')},${iso(at)},${city},${vehicle},${distance},${items},${outcome}`);
});
