import { describe, expect, test } from 'vitest';
import { TOOL } from '../../backup-set/base/tool.ts';
import { factsIn, stateOf, unfitBecause } from './look.ts';

const DIGEST = 'a'.repeat(64);
const bundle = { version: '1.0.0', platform: 'linux-x64', node: '24.0.0', glibc: '2.28' };
const facts = (...lines: string[]) =>
  factsIn(['machine x86_64', 'glibc glibc 2.28', ...lines, ''].join('\n'));
const whole = [`installed ${TOOL}`, `digest ${DIGEST}  -`, 'intact yes'];

describe('stateOf', () => {
  test.each([
    ['absent', facts()],
    ['ready', facts(...whole)],
    ['damaged', facts(`installed ${TOOL}`, `digest ${DIGEST}  -`)],
    ['outdated', facts('installed stowage 0.0.1', 'digest b', 'intact yes')],
    ['outdated', facts(`installed ${TOOL}`, `digest ${'b'.repeat(64)}  -`, 'intact yes')],
    ['outdated', facts('path /usr/bin/x', 'version stowage 0.0.1')],
    ['outdated', facts('path /usr/bin/x', 'version bash: not a shipper')],
    ['package', facts('path /usr/bin/x', `version ${TOOL}`)],
  ])('is %s', (state, found) => {
    expect(stateOf(found, DIGEST)).toBe(state);
  });

  test('compares versions only, when this program has no bundle to compare with', () => {
    expect(stateOf(facts(...whole), undefined)).toBe('ready');
  });
});

describe('unfitBecause', () => {
  test('names an older glibc, a missing one, and another architecture; compares numbers', () => {
    expect(unfitBecause(facts(), bundle)).toBeUndefined();
    const old = facts().glibc === '2.28' && { ...facts(), glibc: '2.17' };
    expect(unfitBecause(old || facts(), bundle)).toBe('its glibc is 2.17; Node needs 2.28');
    expect(unfitBecause({ ...facts(), glibc: '2.9' }, bundle)).toMatch(/2\.9/);
    expect(unfitBecause({ ...facts(), glibc: undefined }, bundle)).toMatch(/no glibc/);
    expect(unfitBecause({ ...facts(), machine: 'ppc64le' }, undefined)).toMatch(/ppc64le/);
  });
});
