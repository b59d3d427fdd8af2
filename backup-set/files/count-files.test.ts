import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { documentsOf, type SetParts } from '../testing/builders.ts';
import { fileSet } from '../testing/file-set.ts';
import { fold } from '../testing/fold-whole.ts';

const foldOf = (parts: SetParts) => fold(documentsOf(parts));

/** A set, and one of its files. */
const oneFile = fileSet.chain((set) =>
  fc.constantFrom(...set.files).map((chosen) => ({ set, chosen })),
);
/** A set, and one of its files with rows. */
const oneWithRows = fileSet.chain((set) =>
  fc
    .constantFrom(...set.files.filter(({ rows }) => rows !== undefined))
    .map((chosen) => ({ set, chosen })),
);

test('a set is complete when it has every file and as many rows as gpbackup has counted', () => {
  fc.assert(
    fc.property(fileSet, (set) => {
      const folded = foldOf(set);
      if (folded.status !== 'complete') throw new Error(JSON.stringify(folded.problems));
      const { totals } = folded.manifest;
      const tables = set.plan.files?.tables ?? [];
      expect(totals.objects).toBe(set.files.length);
      expect(totals.relations).toBe(tables.length);
      expect(totals.rows).toBe(tables.reduce((sum, { rows }) => sum + rows, 0));
      expect(totals.storedBytes).toBe(set.files.length * 10);
    }),
  );
});

describe('a set is not complete', () => {
  test('when a file is missing, whichever it is, and the verdict names it', () => {
    fc.assert(
      fc.property(oneFile, ({ set, chosen }) => {
        const sealed = set.sealed.filter((receipt) => receipt !== chosen);
        const folded = foldOf({ ...set, sealed });
        expect(folded).toMatchObject({
          status: 'incomplete',
          problems: [{ code: 'file-missing', content: chosen.content, object: chosen.object.key }],
        });
      }),
    );
  });

  test('when a file has fewer rows than gpbackup has counted', () => {
    fc.assert(
      fc.property(oneWithRows, ({ set, chosen }) => {
        const { rows = 0 } = chosen;
        fc.pre(rows > 0);
        const sealed = set.sealed.with(set.sealed.indexOf(chosen), { ...chosen, rows: rows - 1 });
        const problems = [{ code: 'relation-incomplete' }];
        expect(foldOf({ ...set, sealed })).toMatchObject({ status: 'incomplete', problems });
      }),
    );
  });

  test('when a file has more rows than gpbackup has counted', () => {
    fc.assert(
      fc.property(oneWithRows, fc.integer({ min: 1, max: 9 }), ({ set, chosen }, more) => {
        const rows = (chosen.rows ?? 0) + more;
        const sealed = set.sealed.with(set.sealed.indexOf(chosen), { ...chosen, rows });
        const problems = [{ code: 'relation-surplus' }];
        expect(foldOf({ ...set, sealed })).toMatchObject({ status: 'damaged', problems });
      }),
    );
  });

  test('when the receipt of a file with rows does not count them', () => {
    fc.assert(
      fc.property(oneWithRows, ({ set, chosen }) => {
        const { rows: _, ...uncounted } = chosen;
        const sealed = set.sealed.with(set.sealed.indexOf(chosen), uncounted);
        expect(foldOf({ ...set, sealed }).status).toBe('damaged');
      }),
    );
  });

  test('when two receipts are of one file, or one is of a file that the plan does not expect', () => {
    fc.assert(
      fc.property(oneFile, fc.boolean(), ({ set, chosen }, isTwice) => {
        const more = { ...chosen, sequence: 999 };
        const name = `gpbackup_${chosen.content}_20260131120000_99.gz`;
        const key = chosen.object.key.replace(/[^/]+$/, name);
        const other = { ...more, file: name, rows: 0, object: { ...chosen.object, key } };
        const sealed = [...set.sealed, isTwice ? more : other];
        expect(foldOf({ ...set, sealed }).status).toBe('damaged');
      }),
    );
  });

  test('when its plan has files without the feature, or the feature without files', () => {
    fc.assert(
      fc.property(fileSet, (set) => {
        const { features: _, ...unmarked } = set.plan;
        const { files: __, ...without } = set.plan;
        expect(foldOf({ ...set, plan: unmarked }).status).toBe('damaged');
        expect(foldOf({ ...set, plan: without }).status).toBe('damaged');
      }),
    );
  });

  test('when it needs files of a set that is not older', () => {
    fc.assert(
      fc.property(fileSet, (set) => {
        const { plan } = set;
        if (plan.files === undefined) throw new Error('no files');
        const files = { ...plan.files, needs: [plan.timestamp] };
        expect(foldOf({ ...set, plan: { ...plan, files } }).status).toBe('damaged');
      }),
    );
  });
});

/** The set, with files that are sealed with a key of a host. */
function sealed(set: SetParts, keyId: string) {
  const { features = [] } = set.plan;
  const encryption = { keyId: 'ab'.repeat(16), hostKeys: [HOST_KEY] };
  return {
    ...set,
    plan: { ...set.plan, encryption, features: [...features, ...SEALED] },
    sealed: set.sealed.map((receipt) =>
      receipt.kind === 'file' ? { ...receipt, object: { ...receipt.object, keyId } } : receipt,
    ),
  };
}

const HOST_KEY = 'cd'.repeat(16);
const SEALED = ['encrypted', 'host-keys'] as const;

test('the manifest of an encrypted set says which key of a host opens each file', () => {
  fc.assert(
    fc.property(fileSet, (set) => {
      const folded = foldOf(sealed(set, HOST_KEY));
      if (folded.status !== 'complete') throw new Error(JSON.stringify(folded.problems));
      expect(folded.manifest.encryption?.hostKeys).toEqual([HOST_KEY]);
    }),
  );
});

test('a file that is sealed with a key that the plan does not name makes a set damaged', () => {
  fc.assert(
    fc.property(fileSet, (set) => {
      expect(foldOf(sealed(set, 'ef'.repeat(16))).status).toBe('damaged');
      const named = sealed(set, HOST_KEY);
      const features = named.plan.features.filter((feature) => feature !== 'host-keys');
      expect(foldOf({ ...named, plan: { ...named.plan, features } }).status).toBe('damaged');
    }),
  );
});

test('the manifest of an increment names the older sets that it needs', () => {
  fc.assert(
    fc.property(fileSet, (set) => {
      const { plan } = set;
      if (plan.files === undefined) throw new Error('no files');
      const files = { ...plan.files, needs: ['20260130120000'] };
      const folded = foldOf({ ...set, plan: { ...plan, files } });
      if (folded.status !== 'complete') throw new Error(folded.status);
      expect(folded.manifest.needs).toEqual(['20260130120000']);
    }),
  );
});
