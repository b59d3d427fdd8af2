import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type FileStampSource,
  type FileStampWitness,
  fileStampDifference,
  STAMP_MARGIN_SECONDS,
} from './file-stamp.ts';

const source = (change: Partial<FileStampSource> = {}): FileStampSource => ({
  ...{ kind: 'file-stamp', timeline: 1, lsn: '1/0', dbid: 2, checkpointedAt: 1000 },
  ...change,
});
const witness = (change: Partial<FileStampWitness> = {}): FileStampWitness => ({
  ...{ kind: 'file-stamp', oid: 5, file: 6, toastFile: 7, shape: 's', stamp: 'A', newest: 500 },
  ...change,
});
const difference = (
  base: { source?: FileStampSource; witness?: FileStampWitness },
  now: { source?: FileStampSource; witness?: FileStampWitness },
) =>
  fileStampDifference(
    { source: source(), witness: witness(), ...base },
    { source: source({ lsn: '1/A', checkpointedAt: 2000 }), witness: witness(), ...now },
  );

describe('the rule of file stamps', () => {
  test('takes a table with equal, old stamps for unchanged', () => {
    expect(difference({}, {})).toBeUndefined();
  });

  test('needs stamps that are older than the checkpoint of their backup by the margin', () => {
    const young = witness({ newest: 1001 - STAMP_MARGIN_SECONDS });
    expect(difference({ witness: young }, { witness: young })).toBe('changed-recently');
    const old = witness({ newest: 1000 - STAMP_MARGIN_SECONDS });
    expect(difference({ witness: old }, { witness: old })).toBeUndefined();
  });

  test.each([
    ['another stamp', { witness: witness({ stamp: 'B' }) }, 'changed'],
    ['another file', { witness: witness({ file: 9 }) }, 'rewritten'],
    ['another TOAST file', { witness: witness({ toastFile: 9 }) }, 'rewritten'],
    ['other columns', { witness: witness({ shape: 't' }) }, 'shape-changed'],
    ['another oid', { witness: witness({ oid: 9 }) }, 'replaced'],
    ['a mirror in its place', { source: source({ dbid: 3 }) }, 'timeline-changed'],
    ['another timeline', { source: source({ timeline: 2 }) }, 'timeline-changed'],
    ['a WAL position that went back', { source: source({ lsn: '0/FFFFFFFF' }) }, 'state-older'],
  ])('reads a table with %s', (_, now, reason) => {
    expect(difference({}, now)).toBe(reason);
  });
});

/**
 * A table is written at some seconds, and a backup takes a stamp at others. The server keeps the
 * second of the last write that a CHECKPOINT brought to the file.
 */
test('in any history, equal and usable stamps mean that no write came between the barriers', () => {
  const event = fc.record({
    isBackup: fc.boolean(),
    /** Whole seconds can pass, or none. */
    pause: fc.nat(3),
    /** What is written between the first CHECKPOINT of a backup and its barrier, and after it. */
    before: fc.boolean(),
    after: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), (events) => {
      let [now, version, written, dirty] = [100, 0, 100, false];
      const write = () => {
        version += 1;
        dirty = true;
      };
      const checkpoint = () => {
        if (dirty) written = now;
        dirty = false;
      };
      const sets: { version: number; source: FileStampSource; witness: FileStampWitness }[] = [];
      for (const { isBackup, pause, before, after } of events) {
        now += pause;
        if (!isBackup) {
          write();
          continue;
        }
        checkpoint();
        const checkpointedAt = now;
        if (before) write();
        const seen = version;
        if (after) write();
        checkpoint();
        sets.push({
          version: seen,
          source: source({ checkpointedAt }),
          witness: witness({ stamp: `at ${written}`, newest: written }),
        });
      }
      return sets.every((base, at) =>
        sets
          .slice(at + 1)
          .every(
            (set) => fileStampDifference(base, set) !== undefined || base.version === set.version,
          ),
      );
    }),
    { numRuns: 2000 },
  );
});
