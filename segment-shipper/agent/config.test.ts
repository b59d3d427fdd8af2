import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { AgentConfig } from './config.ts';

const page = await readFile(new URL('../../docs/agents.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
  ([, text = '']) => parse(text) as object,
);

test('the complete configurations and the schedule in docs/agents.md are valid', () => {
  const whole = blocks.filter((block) => 'root' in block);
  const schedule = blocks.find((block) => 'backup' in block);
  expect(whole).toHaveLength(2);
  expect(schedule).toBeDefined();
  for (const block of whole)
    expect(AgentConfig.safeParse({ ...block, ...schedule }).error).toBeUndefined();
});

test.each([
  ['an unknown field', { workrs: 2 }],
  [
    'a content that is listed twice',
    { contents: [0, 0].map((content) => ({ content, host: 'db0' })) },
  ],
  ['both contents and a coordinator', { coordinator: { host: 'mdw' } }],
  ['neither contents nor a coordinator', { contents: [] }],
  ['a poll interval of zero', { pollSeconds: 0 }],
  ['a password', { connection: { password: 'secret' } }],
])('a configuration with %s is rejected', (_, change) => {
  const valid = { root: 'file:///mnt', contents: [{ content: 0, host: 'db0' }] };
  expect(AgentConfig.safeParse(valid).success).toBe(true);
  expect(AgentConfig.safeParse({ ...valid, ...change }).success).toBe(false);
});
