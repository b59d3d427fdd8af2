import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { filesOfFolder } from '../../../cli/adopt/files/folder.ts';
import { readResolved } from '../../../cli/adopt/gpcrondump/chain.ts';
import { findFiles } from '../../../cli/adopt/gpcrondump/find-files.ts';
import { type SetProblem, UnsoundSet } from '../../../cli/adopt/set-problem.ts';
import { GPCRONDUMP } from '../../support/adopt/fixtures.ts';

export const { signal } = new AbortController();
const copies: string[] = [];

afterEach(async () => {
  for (const folder of copies.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A copy of a fixture that a test can damage; removed after the test. */
export async function copyOf(set: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-adopt-'));
  copies.push(folder);
  await cp(join(GPCRONDUMP, set), folder, { recursive: true });
  return folder;
}

export async function judged(place: string, timestamp: string) {
  const files = await findFiles([filesOfFolder(place)], signal);
  return readResolved(files, { timestamp, prefix: undefined }, signal);
}

/** What is wrong with a set, also where nothing of it can be taken. */
export async function problemsOf(place: string, timestamp: string): Promise<readonly SetProblem[]> {
  try {
    return (await judged(place, timestamp)).problems;
  } catch (error) {
    if (error instanceof UnsoundSet) return error.problems;
    throw error;
  }
}
