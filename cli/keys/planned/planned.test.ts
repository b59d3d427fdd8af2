import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode, encode, sha256 } from '../../../backup-set/base/document.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import { RestorePlan } from '../../../backup-set/documents/restore/restore.ts';
import { greenplumCase } from '../../../backup-set/testing/greenplum.ts';
import { planOf, type RestoreCase, restoreCase } from '../../../backup-set/testing/restores.ts';
import type { SigningKey } from '../../../encryption/signatures/signing-key.ts';
import type { HeldKeys } from '../held.ts';
import { planProblem } from './planned.ts';

const anyCase = fc.oneof(greenplumCase, restoreCase);

/** The plan that a function stores, as the command reads it. */
function storedPlan(restore: RestoreCase): RestorePlan {
  const manifestSha256 = sha256(encode(Manifest, restore.manifest));
  const bytes = encode(RestorePlan, { ...planOf(restore), manifestSha256 });
  return decode(RestorePlan, { key: 'plan.json', bytes });
}

type Context = Parameters<typeof planProblem>[0]['context'];
const ENCRYPTED: Context = { keys: {} as HeldKeys, signingKey: undefined };
const SIGNED: Context = { keys: undefined, signingKey: {} as SigningKey };
const PLAIN: Context = { keys: undefined, signingKey: undefined };

function problemOf({ manifest, request }: RestoreCase, plan: RestorePlan, context = ENCRYPTED) {
  const manifestSha256 = sha256(encode(Manifest, manifest));
  return planProblem({ manifest, manifestSha256, request, plan, context });
}

test('the plan that the functions make follows from the request and the proven set', () => {
  fc.assert(
    fc.property(anyCase, (restore) => {
      expect(problemOf(restore, storedPlan(restore))).toBeUndefined();
    }),
  );
});

const CHANGES: Readonly<Record<string, (plan: RestorePlan) => Partial<RestorePlan>>> = {
  'without a phase': ({ phases }) => ({ phases: phases.slice(0, -1) }),
  'without a content': ({ contents }) => ({ contents: contents.slice(1) }),
  'with a content twice': ({ contents }) => ({ contents: [...contents, ...contents.slice(0, 1)] }),
  'that does not count': ({ count }) => ({ count: !count }),
  'with another way to load': ({ load }) => ({
    load: load === 'mapped' ? 'per-segment' : 'mapped',
  }),
  'of another set': () => ({ timestamp: '20200101000000' }),
  'of another manifest': () => ({ manifestSha256: 'f'.repeat(64) }),
};

test.each(Object.entries(CHANGES))('a plan %s is not proven', (_, change) => {
  fc.assert(
    fc.property(anyCase, (restore) => {
      const plan = storedPlan(restore);
      const found = problemOf(restore, { ...plan, ...change(plan) });
      expect(found).toMatchObject({ code: 'not-proven' });
    }),
    { numRuns: 30 },
  );
});

test('a command that signs refuses a plan of a plain set with other steps', () => {
  fc.assert(
    fc.property(anyCase, (restore) => {
      const plan = storedPlan(restore);
      const fewer = { ...plan, phases: plan.phases.slice(0, -1) };
      expect(problemOf(restore, fewer, SIGNED)).toMatchObject({ code: 'not-proven' });
      expect(problemOf(restore, fewer, PLAIN)).toBeUndefined();
    }),
    { numRuns: 30 },
  );
});

test('a plan from another manifest than the command has read is refused, also of a plain set', () => {
  const [restore] = fc.sample(restoreCase, { numRuns: 1, seed: 1 });
  if (restore === undefined) throw new Error('no case');
  const plan = storedPlan(restore);
  const other = { ...plan, manifestSha256: 'f'.repeat(64) };
  for (const context of [PLAIN, SIGNED]) {
    expect(problemOf(restore, plan, context)).toBeUndefined();
    expect(problemOf(restore, other, context)).toMatchObject({ code: 'not-proven' });
  }
});
