import { expect, test } from 'vitest';
import { type ObjectsMade, objectLines, quotedText } from './restore-lines.ts';

function made(...pieces: string[]): ObjectsMade[] {
  const seen: ObjectsMade[] = [];
  const take = objectLines((one) => seen.push(one));
  for (const piece of pieces) take(piece);
  return seen;
}

test('an object counts as made when pg_restore begins the next', () => {
  const seen = made(
    'pg_restore: connecting to database for restore\npg_restore: creating TABLE "public.a"\npg_rest',
    'ore: creating TABLE "public.b"\n',
  );
  expect(seen).toEqual([
    { done: 0, current: 'TABLE public.a', running: [] },
    { done: 1, current: 'TABLE public.b', running: [] },
  ]);
});

test('objects that several connections still make do not count, and the count never falls', () => {
  const seen = made(
    ['launching item 1 INDEX a', 'launching item 2 INDEX b', 'creating INDEX "public.a"']
      .concat(['creating INDEX "public.b"', 'finished item 1 INDEX a', 'launching item 3 INDEX c'])
      .concat(['creating INDEX "public.c"', 'finished item 2 INDEX b', 'finished item 3 INDEX c'])
      .concat(['creating TRIGGER "public.t d"'])
      .map((line) => `pg_restore: ${line}\n`)
      .join(''),
  );
  expect(seen.map(({ done }) => done)).toEqual([0, 0, 1, 3]);
  expect(seen.map(({ running }) => running)).toEqual([[1, 2], [1, 2], [2, 3], []]);
});

test('an error is quoted without the lines about objects that were made', () => {
  const lines = [
    'pg_restore: connecting to database for restore',
    'pg_restore: creating INDEX "public.i"',
    'pg_restore: finished item 12 INDEX i',
    'pg_restore: while PROCESSING TOC:',
    'pg_restore: from TOC entry 12; 1259 16 INDEX i postgres',
    'pg_restore: error: could not execute query: ERROR:  division by zero',
    'Command was: CREATE INDEX i ON public.t USING btree (f(id));',
  ];
  const quoted = quotedText();
  const text = quoted.take(`${lines.join('\n')}\npg_restore: error: worker`);
  expect(text + quoted.end()).toBe(`${lines.slice(3).join('\n')}\npg_restore: error: worker\n`);
});
