import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { AgentConfig, readAgentConfig } from './config.ts';

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

describe('the message for a configuration file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stowage-agent-config-'));
  const path = join(folder, 'agent.yaml');
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['rot: file:///mnt\n', 'unknown field rot (did you mean root?)', 'root is missing'],
    ['root: /mnt\n', 'root must start with file:/// or s3://bucket, not "/mnt"'],
    ['root: file:///mnt\nworkers: many\n', 'workers must be a number, not "many"'],
    ['root: file:///mnt\nworkers: 100\n', 'workers must be at most 64, not 100'],
    [
      'root: file:///mnt\ncontents: [{content: 0, host: a}, {content: 0, host: b}]\n',
      'contents: content 0 is listed twice',
    ],
    ['root: file:///mnt\n', 'set exactly one of contents (shards) and coordinator (Greenplum)'],
    ['root: [unclosed\n', 'is not YAML: '],
    ['- one\n', 'must be a YAML mapping (field: value)'],
  ])('%j names the field and what is wrong with it', async (text, ...messages) => {
    await writeFile(path, text);
    const error = await readAgentConfig(path).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'config/invalid' });
    expect(messages).toContainEqual(
      expect.toSatisfy((part: string) => String(error).includes(part)),
    );
    expect(String(error)).not.toContain('\n');
  });

  test('that does not exist names the file once', async () => {
    const missing = join(folder, 'missing.yaml');
    await expect(readAgentConfig(missing)).rejects.toMatchObject({
      code: 'config/missing',
      message: `the agent's configuration file ${missing} does not exist; --config FILE names another one`,
    });
  });
});
