import { expect, test } from 'vitest';
import { withoutRestored } from './restored-objects.ts';

const PRE_DATA = [
  '214; 1259 16386 TABLE public t postgres',
  '3390; 0 0 COMMENT public TABLE t postgres',
].join('\n');
const LISTING = [
  '3224; 2606 16393 CONSTRAINT public t t_pkey postgres',
  '3225; 1259 16395 INDEX public t_v postgres',
  '3226; 1259 16396 INDEX public t v postgres',
  '3227; 1259 16397 INDEX public x my role',
  '3396; 0 0 COMMENT public INDEX t_v postgres',
].join('\n');

test('a listing keeps the entries of objects that do not exist, and all comments', () => {
  const restored = new Set(['CONSTRAINT public t t_pkey', 'INDEX public t_v']);
  expect(withoutRestored(LISTING, restored).split('\n')).toEqual([
    '3226; 1259 16396 INDEX public t v postgres',
    '3227; 1259 16397 INDEX public x my role',
    '3396; 0 0 COMMENT public INDEX t_v postgres',
  ]);
});

test('an entry is kept when only the beginning of its name is the name of an existing object', () => {
  const restored = new Set(['INDEX public t', 'INDEX public x']);
  expect(withoutRestored(LISTING, restored)).toBe(LISTING);
});

test('a listing begins with the post-data section', () => {
  expect(withoutRestored(`${PRE_DATA}\n${LISTING}`, new Set())).toBe(LISTING);
  expect(withoutRestored(PRE_DATA, new Set())).toBe('');
});
