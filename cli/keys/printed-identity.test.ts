import { expect, it } from 'vitest';
import type { Origin } from '../config/config.ts';
import { Config } from '../config/schema.ts';
import { functionTimedOut } from '../restore/run.ts';
import { explainUnfinished } from '../restore/unfinished.ts';

const BASE = { root: 'file:///b', database: 'd', segments: [{ content: 0, host: 'h' }] };
const AGE = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';
const contextOf = (encryption?: object, source?: Origin['source']) => ({
  config: Config.parse({ ...BASE, ...(encryption && { encryption }) }),
  sources: new Map(
    source === undefined ? [] : [['encryption.identityFile', { source, name: '--identity' }]],
  ),
});
const MARK = { restore: '20261129121005219-c656e8af', set: '20261129120953' } as const;
type Mark = Parameters<typeof explainUnfinished>[0];

it('a backup that finds an unfinished restore names what opens its set, where it encrypts', () => {
  const of = (context: ReturnType<typeof contextOf>) => explainUnfinished(MARK as Mark, context);
  expect(of(contextOf())).toMatch(/`stowage restore --resume \S+c656e8af`$/);
  expect(of(contextOf({ recipients: [AGE] }))).toContain('c656e8af --identity=IDENTITY-FILE`');
  expect(of(contextOf({ recipients: [AGE], identityFile: 'k' }))).toContain('c656e8af`');
});

it('a restore that no function carries on repeats its identity', () => {
  type Run = Parameters<typeof functionTimedOut>[0];
  const context = contextOf({ identityFile: 'a b.key' }, 'flag');
  const run = { context, request: { id: MARK.restore } } as unknown as Run;
  expect(functionTimedOut(run, 'outcome.json', 1000).message).toContain(
    "--resume 20261129121005219-c656e8af --identity='a b.key'` continues it",
  );
});
