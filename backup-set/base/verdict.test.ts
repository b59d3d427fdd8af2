import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { AT, TIMESTAMP } from '../testing/builders.ts';
import { qualifiedName } from '../testing/names.ts';
import { decode, encode, PROBLEMS_MAX } from './document.ts';
import { boundedProblems, causedBy, describeProblem, type Problem, Verdict } from './verdict.ts';

const problem = (at: number): Problem => ({ code: 'object-missing', message: `number ${at}` });

test('boundedProblems truncates a list and keeps the total number', () => {
  for (const count of [0, 1, PROBLEMS_MAX, PROBLEMS_MAX + 1, 3 * PROBLEMS_MAX]) {
    const problems = Array.from({ length: count }, (_, at) => problem(at));
    const { problemsTotal, problems: listed } = boundedProblems(problems);
    expect(problemsTotal).toBe(count);
    expect(listed).toEqual(problems.slice(0, PROBLEMS_MAX));
  }
});

test('a verdict with bounded problems can be written and read', () => {
  const problems = Array.from({ length: PROBLEMS_MAX + 5 }, (_, at) => problem(at));
  const verdict: Verdict = {
    format: 'stowage/verdict',
    version: 1,
    timestamp: TIMESTAMP,
    level: 'verify',
    at: AT,
    status: 'damaged',
    checked: { objects: 1, bytes: 2 },
    ...boundedProblems(problems),
  };
  expect(decode(Verdict, { key: 'k', bytes: encode(Verdict, verdict) })).toEqual(verdict);
  expect(() => encode(Verdict, { ...verdict, problems })).toThrow();
});

test('describeProblem prints every name that a problem has', () => {
  fc.assert(
    fc.property(qualifiedName, (relation) => {
      const line = describeProblem({
        ...problem(1),
        content: -1,
        relation,
        object: 'sets/x',
        offset: 0,
      });
      expect(line).toContain('content -1, ');
      expect(line).toContain(`${relation.schema}.${relation.name}`);
      expect(line).toContain('sets/x at byte 0: number 1 (object-missing)');
    }),
  );
  expect(describeProblem(problem(1))).toBe('number 1 (object-missing)');
});

test('describeProblem names a content once, and prints all codes in one bracket', () => {
  const killed = 'the shipper of content 1 on db1 was killed by SIGKILL';
  const failed = {
    code: 'segment-failed',
    ...causedBy({ code: 'shipper/died', message: killed }),
  } as const;
  expect(describeProblem({ ...failed, content: 1 })).toBe(
    `${killed} (segment-failed: shipper/died)`,
  );
  expect(describeProblem({ ...failed, content: 12 })).toMatch(/^content 12: the shipper/);
  const interrupted = causedBy({ code: 'interrupted', message: 'content 12 failed' });
  const twelve = { ...failed, ...interrupted, content: 1 };
  expect(describeProblem(twelve)).toBe(
    'content 1: content 12 failed (segment-failed: interrupted)',
  );
});

test('describeProblem names an object once, unless it adds the offset', () => {
  const cut = {
    code: 'document-unreadable',
    message: 'sets/x is not JSON',
    object: 'sets/x',
  } as const;
  expect(describeProblem(cut)).toBe('sets/x is not JSON (document-unreadable)');
  expect(describeProblem({ ...cut, offset: 7 })).toMatch(/^sets\/x at byte 7: sets\/x is/);
  const wrong = { ...cut, message: 'sets/x at byte 7: wrong bytes', offset: 7 };
  expect(describeProblem(wrong)).toMatch(/^sets\/x at byte 7: wrong bytes \(/);
});
