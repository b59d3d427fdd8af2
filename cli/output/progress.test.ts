import { expect, test } from 'vitest';
import { type SegmentProgress, segmentLine, segmentLines, totalLine } from './progress.ts';
import { retriesLines } from './storage/retries.ts';

const segment: SegmentProgress = {
  content: 0,
  host: 'db0',
  rows: 146_587,
  bytes: 11_000_000,
  storedBytes: 3_415_000,
  relationsDone: 4,
  relationsPlanned: 5,
  fraction: 0.5,
  current: 'shop.lineitem',
};
const both = [segment, { ...segment, content: 1 }];
const backup = { what: 'backup', title: 'backup', shows: 'backup' } as const;
const data = { what: 'data', title: 'restore, phase data (3 of 5)', shows: 'restore' } as const;
const verify = {
  ...data,
  what: 'verify',
  title: 'restore, phase verify',
  shows: 'verify',
} as const;

test('a backup shows rows, bytes, tables, rate and time left', () => {
  expect(totalLine(backup, both, 5_000)).toBe(
    'backup: 293,174 rows, 22.0 MB, 6.83 MB uploaded, 8 of 10 tables on all segments, 4.40 MB/s, about 5s left',
  );
  expect(segmentLine(backup, segment)).toBe(
    'content 0    50%   11.0 MB  4/5 tables         shop.lineitem',
  );
});

test('a count shows tables and rows, and neither bytes nor rates', () => {
  const kind = { what: 'count', title: 'restore, counting rows', shows: 'count' } as const;
  expect(totalLine(kind, both, 5_000)).toBe(
    'restore, counting rows: 293,174 rows, 8 of 10 tables on all segments',
  );
  expect(segmentLine(kind, segment)).toBe('content 0   4/5 tables         shop.lineitem');
});

test('a restore shows what it has downloaded, its tables, and the time left of the phase only', () => {
  expect(totalLine(data, both, 5_000)).toBe(
    'restore, phase data (3 of 5): 293,174 rows, 22.0 MB, 6.83 MB downloaded, 8 of 10 tables on all segments, 4.40 MB/s, about 5s left in this phase, now shop.lineitem',
  );
  expect(segmentLine(data, segment)).toBe(
    'content 0    50%   11.0 MB  4/5 tables         shop.lineitem',
  );
  const feeding = { ...segment, relationsDone: 0, relationsPlanned: 0 };
  expect(segmentLine(data, feeding)).not.toContain('table');
});

test('the verify phase of a restore shows the bytes read and their rate', () => {
  const reading = both.map((one) => ({ ...one, rows: 0, bytes: 0 }));
  expect(totalLine(verify, reading, 5_000)).toBe(
    'restore, phase verify: 6.83 MB read, 1.37 MB/s, about 5s left in this phase',
  );
  expect(segmentLine(verify, segment)).toBe('content 0    50%   3.42 MB  shop.lineitem');
});

test('a backup that has all rows shows what it still works on', () => {
  const rows = both.map((one) => ({ ...one, relationsDone: 5, relationsPlanned: 5 }));
  const dumping = rows.map((one) => ({ ...one, current: 'the definitions (schema.dump)' }));
  expect(totalLine(backup, dumping, 5_000)).toMatch(/, now the definitions \(schema\.dump\)$/);
  const [first] = dumping;
  if (first === undefined) throw new Error('there is no content');
  const others = [{ ...first, relationsDone: 4 }, ...dumping.slice(1)];
  expect(totalLine(backup, others, 5_000)).not.toContain('now ');
});

test('the time left is not shown while no fraction is known', () => {
  const unknown = both.map((one) => ({ ...one, fraction: undefined }));
  expect(totalLine(backup, unknown, 5_000)).not.toContain('left');
});

test('a phase that moves no rows shows how long it has been running', () => {
  const schema = { what: 'pre-data', title: 'restore, phase pre-data', shows: 'time' } as const;
  const idle = both.map(({ current: _, ...one }) => ({ ...one, current: undefined }));
  expect(totalLine(schema, idle, 65_000)).toBe('restore, phase pre-data: running for 1m 5s');
});

test('a phase that makes indexes shows how many objects are made and which one is under way', () => {
  const kind = { what: 'post-data', title: 'restore, phase post-data', shows: 'time' } as const;
  const making = both.map((one, at) => ({
    ...one,
    objectsDone: 12 + at,
    objectsPlanned: 40,
    current: `INDEX public.i${at}`,
  }));
  expect(totalLine(kind, making, 5_000)).toBe(
    'restore, phase post-data: 25 of 80 objects, running for 5s, now INDEX public.i0, INDEX public.i1',
  );
  expect(segmentLine(kind, making[0] as SegmentProgress)).toBe(
    'content 0   12/40 objects      INDEX public.i0',
  );
});

test('tables that load count as under way, and a time left of less than a second is not shown', () => {
  const loading = both.map((one) => ({ ...one, underWay: 4, relationsDone: 0, fraction: 0.99 }));
  expect(totalLine(data, loading, 5_000)).toContain(
    '0 of 10 tables on all segments (8 under way), 4.40 MB/s, now shop.lineitem',
  );
});

test('requests that were sent again are shown with the time that the store asked for', () => {
  expect(retriesLines({ throttled: 40, failed: 0, throttledMs: 12_345 })).toEqual([
    'storage asked to slow down: 12.3s waited, 40 retries',
  ]);
  expect(retriesLines({ throttled: 0, failed: 1, throttledMs: 0 })).toEqual([
    'storage did not answer at once: 1 retry',
  ]);
});

test('the slowest segments come first, and those that are further are counted', () => {
  const many = Array.from({ length: 20 }, (_, content) => ({
    ...segment,
    content,
    fraction: (20 - content) / 20,
  }));
  const lines = segmentLines(backup, many, { columns: 80, ms: 5_000 });
  expect(lines.map((line) => line.slice(0, 10))).toEqual([
    ...many
      .toReversed()
      .slice(0, 16)
      .map(({ content }) => `content ${content}`.padEnd(10)),
    '… and 4 se',
  ]);
  expect(lines.at(-1)).toBe('… and 4 segments that are further');
});

test('a wide terminal also shows host, rate and the compressed bytes of a segment', () => {
  expect(segmentLine(backup, segment, { columns: 200, ms: 5_000 })).toBe(
    'content 0   db0                       50%   11.0 MB    2.20 MB/s   3.42 MB uploaded  4/5 tables         shop.lineitem',
  );
});

test('the time left of building indexes is known when some were built, and says what follows', () => {
  const kind = {
    what: 'post-data',
    title: 'restore, phase post-data',
    shows: 'time',
    next: ['analyzing'],
  } as const;
  const built = (objectsDone: number) =>
    both.map((one) => ({ ...one, current: undefined, objectsDone, objectsPlanned: 40 }));
  expect(totalLine(kind, built(10), 60_000)).toBe(
    'restore, phase post-data: 20 of 80 objects, running for 1m, about 3m left in this phase, then analyzing',
  );
  expect(totalLine(kind, built(2), 60_000)).not.toContain('left');
  expect(totalLine({ ...data, next: ['building indexes and keys'] }, both, 5_000)).toContain(
    'about 5s left in this phase, then building indexes and keys, now shop.lineitem',
  );
});

test('the time left of building indexes follows from the bytes of their tables, where those are known', () => {
  const kind = { what: 'post-data', title: 'restore, phase post-data', shows: 'time' } as const;
  // One small index of two: by number half is done, by size a tenth.
  const built = both.map((one) => ({
    ...one,
    ...{ current: undefined, objectsDone: 1, objectsPlanned: 2 },
    ...{ objectBytesDone: 100, objectBytesPlanned: 1_000 },
  }));
  expect(totalLine(kind, built, 60_000)).toBe(
    'restore, phase post-data: 2 of 4 objects, 10% by size, running for 1m, about 9m left in this phase',
  );
  const [slow, fast] = built.map((one, content) => ({
    ...one,
    content,
    objectBytesDone: content === 0 ? 100 : 900,
  }));
  const lines = segmentLines(kind, [fast, slow] as SegmentProgress[], { columns: 80, ms: 1 });
  expect(lines[0]).toContain('content 0');
});
