import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentsIn, workingContents } from '../restore/phases.ts';
import { documentsOf } from '../testing/builders.ts';
import { fold } from '../testing/fold-whole.ts';
import { targetOf, throughSet } from '../testing/greenplum.ts';
import { requestFor } from '../testing/restores.ts';
import { greenplumFormat } from './greenplum.ts';
import { greenplumDisagreements } from './greenplum-plan.ts';

test('a set taken through the coordinator is complete with content -1 alone', () => {
  fc.assert(
    fc.property(throughSet, (parts) => {
      expect(greenplumDisagreements(parts.plan)).toEqual([]);
      expect(fold(documentsOf(parts)).status).toBe('complete');
    }),
  );
});

test('a plan through the coordinator is refused when it lacks a relation, or has another content', () => {
  fc.assert(
    fc.property(throughSet, ({ plan }) => {
      const [only] = plan.contents;
      if (only === undefined) throw new Error('the plan has no content');
      const wrong = [
        { ...plan, contents: [...plan.contents, { ...only, content: 0 }] },
        { ...plan, contents: [{ ...only, content: 0 }] },
        ...(plan.relations.length === 0
          ? []
          : [{ ...plan, contents: [{ ...only, relations: [] }] }]),
      ];
      for (const one of wrong) expect(greenplumDisagreements(one)).toHaveLength(1);
    }),
  );
});

test('a plan of another mechanism still needs every segment', () => {
  fc.assert(
    fc.property(
      throughSet,
      fc.constantFrom('barrier', 'dispatch', 'source'),
      (parts, mechanism) => {
        const plan = { ...parts.plan, snapshot: { ...parts.plan.snapshot, mechanism } } as const;
        expect(greenplumDisagreements(plan)).not.toEqual([]);
      },
    ),
  );
});

test('a set taken through the coordinator is restored by the coordinator of any target, and by no segment', () => {
  fc.assert(
    fc.property(throughSet, fc.integer({ min: 0, max: 5 }), (parts, segments) => {
      const folded = fold(documentsOf(parts));
      if (folded.status !== 'complete') throw new Error('the set is complete');
      const { manifest } = folded;
      const request = { ...requestFor(manifest), target: targetOf(manifest, segments) };
      expect(greenplumFormat.loadStrategy(request, manifest.contents.length)).toBe('coordinator');
      const working = workingContents(request, manifest);
      expect(working).toEqual([-1]);
      const contents = working.map((content) => ({
        content,
        relations: 0,
        rows: 0,
        bytes: 0,
        storedBytes: 0,
      }));
      expect(contentsIn('verify', { load: 'coordinator', contents })).toEqual([-1]);
    }),
  );
});
