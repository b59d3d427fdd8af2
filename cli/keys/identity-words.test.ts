import { expect, it } from 'vitest';
import type { Origin } from '../config/config.ts';
import { Config } from '../config/schema.ts';
import { identityFor, sameIdentity } from './identity-words.ts';

const BASE = { root: 'file:///b', database: 'd', segments: [{ content: 0, host: 'h' }] };
const contextOf = (encryption: object | undefined, source?: Origin['source']) => ({
  config: Config.parse({ ...BASE, ...(encryption && { encryption }) }),
  sources: new Map(
    source === undefined ? [] : [['encryption.identityFile', { source, name: '--identity' }]],
  ),
});

it('a command line repeats the identities of the one that prints it, and none that the configuration has', () => {
  const files = { identityFile: ['first.key', "a b's.key"] };
  expect(sameIdentity(contextOf(files, 'flag'))).toBe(
    " --identity=first.key --identity='a b'\\''s.key'",
  );
  expect(sameIdentity(contextOf(files, 'file'))).toBe('');
  expect(sameIdentity(contextOf(files, 'environment'))).toBe('');
  expect(sameIdentity(contextOf(undefined))).toBe('');
});

it('a command line for an encrypted set has a place for the identity where none is known', () => {
  expect(identityFor(contextOf(undefined), true)).toBe(' --identity=IDENTITY-FILE');
  expect(identityFor(contextOf(undefined), false)).toBe('');
  expect(identityFor(contextOf({ identityCommand: ['pass'] }), true)).toBe('');
  expect(identityFor(contextOf({ kms: 'alias/backup' }), true)).toBe('');
  expect(identityFor(contextOf({ identityFile: 'k' }, 'flag'), true)).toBe(' --identity=k');
});
