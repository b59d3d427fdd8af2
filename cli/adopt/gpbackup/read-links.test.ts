import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { SourceFiles } from '../files/source-files.ts';
import type { SetProblem } from '../set-problem.ts';
import { setFinder } from './find-set.ts';
import { folderOf } from './names.ts';
import { readChain, readLink } from './read-links.ts';

const { signal } = new AbortController();
const [FULL, INCREMENT] = ['20260131120000', '20260201120000'];

/** The documents of a full set of this database, and of an increment of shop. */
function filesWith(databaseOfFull: string): SourceFiles {
  const documents = (timestamp: string, database: string, incremental: boolean) => {
    const restoreplan = [{ timestamp: FULL, tablefqns: ['public.t'] }];
    const config = {
      ...{ backupversion: '1.30.5', compressed: false, databaseversion: '7.1.0', timestamp },
      ...{ databasename: database, segmentcount: 2, incremental, restoreplan },
    };
    const entry = { schema: 'public', name: 't', oid: 1, attributestring: '(a)', rowscopied: 1 };
    const toc = { dataentries: incremental ? [] : [entry] };
    const report = `timestamp key: ${timestamp}\nbackup status: Success\n`;
    return Object.entries({
      report,
      'config.yaml': stringify(config),
      'toc.yaml': stringify(toc),
    }).map(
      ([rest, text]) => [`${folderOf(timestamp)}gpbackup_${timestamp}_${rest}`, text] as const,
    );
  };
  const files = new Map<string, string>([
    ...documents(FULL, databaseOfFull, false),
    ...documents(INCREMENT, 'shop', true),
  ]);
  return {
    place: '/backup',
    list: async (_, below = '') =>
      [...files]
        .filter(([name]) => name.startsWith(below))
        .map(([name, text]) => ({ name, bytes: Buffer.byteLength(text) })),
    open: async (name) => Readable.from([Buffer.from(files.get(name) ?? '')]),
    close: async () => undefined,
  };
}

async function problemsOfChain(databaseOfFull: string): Promise<readonly SetProblem[]> {
  const finder = setFinder([filesWith(databaseOfFull)], signal);
  const { link, problems } = await readLink(finder, INCREMENT, signal);
  const all = [...problems];
  expect(await readChain(finder, link, all, signal)).toHaveLength(1);
  return all;
}

test('the sets of an increment must be of the same database', async () => {
  expect(await problemsOfChain('shop')).toEqual([]);
  expect(await problemsOfChain('other')).toEqual([
    {
      file: `gpbackup_${FULL}_config.yaml`,
      message: `it is of database other, and set ${INCREMENT} of shop`,
    },
  ]);
});
