import { readFileSync } from 'node:fs';

/** Reads what prepare.py wrote, as trainer tables: the columns of the schedule alone or all. */
export function readTables(folder, columns) {
  const facts = JSON.parse(readFileSync(`${folder}/flights.json`, 'utf8'));
  const bytes = readFileSync(`${folder}/flights.bin`);
  const block = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const width = columns === 'schedule' ? facts.schedule : facts.columns.length;
  const part = (i, begin, end) => block.slice(i * facts.rows + begin, i * facts.rows + end);
  const table = (begin, end) => ({
    rows: end - begin,
    columns: facts.columns.slice(0, width).map(({ name, kind, dictionary }, i) => {
      const values = part(i, begin, end);
      return kind === 'number' ? { kind, name, values } : { kind, name, dictionary, codes: Int32Array.from(values) };
    }),
  });
  const label = facts.columns.length;
  return {
    train: table(0, facts.train),
    trainLabels: part(label, 0, facts.train),
    test: table(facts.train, facts.rows),
    testLabels: part(label, facts.train, facts.rows),
    none: table(0, 0),
  };
}
