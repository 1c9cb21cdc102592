/** Parts of a UTC time in milliseconds since 1970, without allocating a Date. */

const dayMs = 86_400_000;

export function minuteOfDay(ms: number): number {
  return Math.floor((ms - Math.floor(ms / dayMs) * dayMs) / 60_000);
}

/** Monday is 1, Sunday 7 (ISO 8601). */
export function dayOfWeek(ms: number): number {
  const days = Math.floor(ms / dayMs) + 3;
  return days - Math.floor(days / 7) * 7 + 1;
}

/**
 * Year * 10,000 + month * 100 + day of the proleptic Gregorian calendar. Counts years from March, so that the leap
 * day ends a year, in eras of 400 years (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
 */
function civil(ms: number): number {
  const days = Math.floor(ms / dayMs) + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const leaps = Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayFromMarch = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayFromMarch + 2) / 153);
  const day = dayFromMarch - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0)) * 10_000 + month * 100 + day;
}

export function year(ms: number): number {
  return Math.floor(civil(ms) / 10_000);
}

export function month(ms: number): number {
  const date = civil(ms);
  return Math.floor((date - Math.floor(date / 10_000) * 10_000) / 100);
}

export function dayOfMonth(ms: number): number {
  const date = civil(ms);
  return date - Math.floor(date / 100) * 100;
}

export function dayOfYear(ms: number): number {
  return Math.floor((ms - Date.UTC(year(ms), 0, 1)) / dayMs) + 1;
}
