import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { SourceFiles } from '../files/source-files.ts';
import type { SetProblem } from '../set-problem.ts';
import { BackupConfig, Toc } from './documents.ts';
import { judgeRows } from './judge-rows.ts';

const TIMESTAMP = '20260131120000';
const { signal } = new AbortController();

/** What is wrong with a table whose files have these rows, one file per segment. */
async function judged(files: readonly string[], isReplicated: boolean, rowsCopied: number) {
  const named = new Map(files.map((text, at) => [`gpbackup_${at}_${TIMESTAMP}_16384`, text]));
  const from: SourceFiles = {
    place: '/backup',
    list: async () => [],
    open: async (name) => Readable.from([Buffer.from(named.get(name) ?? '')]),
    close: async () => undefined,
  };
  const config = BackupConfig.parse({
    ...{ backupversion: '1.30.5', compressed: false, databasename: 'shop' },
    ...{ databaseversion: '7.1.0', timestamp: TIMESTAMP },
  });
  const placed = [...named].map(
    ([name, text]) => [name, { name, bytes: text.length, from }] as const,
  );
  const link = { timestamp: TIMESTAMP, config, toc: Toc.parse({}), options: '', place: '' };
  const table = {
    ...{ link: { ...link, files: new Map(placed) }, oid: 16384, schema: 'public', name: 't' },
    ...{ columns: ['a'], rowsCopied, isReplicated, distByEnum: false, partitionRoot: undefined },
  };
  const problems: SetProblem[] = [];
  const counted = await judgeRows([table], files.length, problems, signal);
  return {
    problems: problems.map(({ message }) => message),
    sound: counted.map(({ size }) => size),
  };
}

test('the copies of a replicated table may have their rows in another order', async () => {
  expect(await judged(['one\ntwo\n', 'two\none\n'], true, 4)).toEqual({
    problems: [],
    sound: [1, 1],
  });
});

test('the copies of a replicated table must have rows of the same size', async () => {
  expect(await judged(['one\ntwo\n', 'one\ntw\n'], true, 4)).toEqual({
    problems: [
      'the copies of the replicated table public.t have different sizes: 8, 7 bytes of rows',
    ],
    sound: [0, 0],
  });
});

test('the rows of a table must be as many as gpbackup has counted', async () => {
  const { problems } = await judged(['one\n', 'two\n'], false, 3);
  expect(problems).toEqual(['gpbackup has copied 3 rows of public.t, and the files have 2']);
});
