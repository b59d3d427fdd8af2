import { expect, test } from 'vitest';
import { EVERYTHING } from '../../backup-set/base/selection.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { dumpOptionsFrom } from './options.ts';
import { dumpPlan } from './plan.ts';

const manifest = {
  timestamp: '20260101000000',
  flavour: 'greenplum',
  relations: [],
  contents: [{ content: -1 }],
} as unknown as Manifest;

test('a dump with --globals is refused when the set has none', () => {
  const options = { ...dumpOptionsFrom({ globals: true }, ['latest']), selection: EVERYTHING };
  const without = { ...manifest, leftOut: [{ kind: 'globals', name: 'roles' }] };
  expect(dumpPlan(manifest, options)).toMatchObject({ catalogOf: -1 });
  expect(() => dumpPlan(without, options)).toThrow(/has no globals.*leave out --globals/);
  expect(() => dumpPlan(without, { ...options, globals: false })).not.toThrow();
});

test('a dump without definitions and without rows is refused', () => {
  expect(() => dumpOptionsFrom({ schemaOnly: true, dataOnly: true }, ['latest'])).toThrow(
    /--schema-only and --data-only leave nothing/,
  );
});
