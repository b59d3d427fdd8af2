import { expect, test } from 'vitest';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { hasNothingToResume } from '../lacks-objects.ts';
import { nextSteps } from './next-step.ts';

const RESUME = /^Correct the causes, and make only what is missing with `.* --resume 7`/;
const BY_HAND = /create them by hand$/;
const MORE = /restore again with a selection that has it, too\. .* --section post-data /;
const TRUNCATE = /create it by hand, and restore again with --truncate$/;

type Change = Partial<Pick<RestoreRequest, 'mode' | 'allowMissing' | 'into'>>;
const INTO: Change = { into: { schema: 'b' } };

test.each<[Problem['code'][], Change, RegExp[]]>([
  [['object-not-made'], {}, [RESUME]],
  [['view-not-refreshed'], {}, [RESUME]],
  [['relation-not-loaded'], {}, [RESUME]],
  [['need-missing'], {}, [MORE]],
  [['need-missing'], { mode: 'create' }, [MORE]],
  [['need-missing'], { mode: 'truncate' }, [TRUNCATE]],
  [['object-not-made', 'need-missing'], {}, [RESUME, MORE]],
  [['object-not-made'], INTO, [BY_HAND]],
  [['object-not-made', 'view-not-refreshed'], INTO, [RESUME, BY_HAND]],
  [['object-not-made', 'need-missing'], { allowMissing: true }, []],
  [[], {}, []],
])(
  'after a restore left out %j with %j, the text names the step that mends each',
  (codes, change, steps) => {
    const asked = { id: '7', mode: 'fill' as const, ...change };
    const leftOut = codes.map((code): Problem => ({ code, message: '' }));
    const lines = nextSteps({ leftOut }, asked);
    expect(lines).toHaveLength(steps.length);
    for (const [at, step] of steps.entries()) expect(lines[at]).toMatch(step);
    // The mark of the target is what a resume needs.
    const outcome = { status: 'restored', leftOut } as Parameters<typeof hasNothingToResume>[0];
    expect(hasNothingToResume(outcome, asked)).toBe(!steps.includes(RESUME));
  },
);

test('a property of a new database is set again by a resume, also when tables got other names', () => {
  const schemaObject = { kind: 'DATABASE PROPERTIES', schema: '', name: 'x' };
  const leftOut: Problem[] = [{ code: 'object-not-made', message: '', schemaObject }];
  const [step, ...more] = nextSteps({ leftOut }, { id: '7', mode: 'create', ...INTO });
  expect(step).toMatch(RESUME);
  expect(more).toEqual([]);
});
