import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { METRICS } from '../../functions/lambda/metrics.ts';
import { resources } from '../aws/alarms.mjs';
import { LANES, pascal, SCHEDULED } from '../aws/lanes.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');
const textOf = (name: string) => readFile(path.join(ROOT, name), 'utf8');
/** `!Sub` and the like stay text: no test here reads them. */
const yamlOf = async (name: string) =>
  parseDocument(await textOf(name), { logLevel: 'silent' }).toJS() as Record<
    string,
    Record<string, unknown>
  >;

interface Parameter {
  readonly Default?: unknown;
}

describe('docs/deploy-aws.md', () => {
  test('has every parameter with its default, and serverless.yml passes each to the template', async () => {
    const page = await textOf('docs/deploy-aws.md');
    const rows = [...page.matchAll(/^\| `([a-z][A-Za-z]+)` +\| ([^|]*) \|/gm)];
    const documented = new Map(
      rows.map(([, name = '', text = '']) => [name, text.trim().replaceAll('`', '')]),
    );
    const parameters = (await yamlOf('infra/aws/resources/parameters.yml'))['Parameters'] as Record<
      string,
      Parameter
    >;
    const { provider, params } = await yamlOf('serverless.yml');
    const given = params?.['default'] as Record<string, string>;
    const handed = provider?.['stackParameters'] as {
      ParameterKey: string;
      ParameterValue: string;
    }[];
    const names = Object.keys(parameters);
    expect([...documented.keys()].map(pascal)).toEqual(expect.arrayContaining(names));
    expect(Object.keys(given).map(pascal).sort()).toEqual(names.toSorted());
    expect(handed.map(({ ParameterKey }) => ParameterKey).sort()).toEqual(names.toSorted());
    for (const { ParameterKey, ParameterValue } of handed) {
      const name = ParameterKey[0]?.toLowerCase() + ParameterKey.slice(1);
      const { Default } = parameters[ParameterKey] ?? {};
      expect(ParameterValue).toBe(`\${param:${name}}`);
      if (Default === undefined) expect(documented.get(name)).toBe('required');
      else expect(given[name]).toBe(String(Default));
      if (Default !== undefined && Default !== '')
        expect(documented.get(name)).toBe(String(Default));
    }
  });

  test('says that bucket and policy outlive the stack, and the template keeps both', async () => {
    expect(await textOf('docs/deploy-aws.md')).toContain(
      'The bucket with its sets stays, and so does its policy',
    );
    const kept = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };
    expect((await yamlOf('infra/aws/resources/bucket.yml'))['Resources']).toMatchObject({
      Bucket: kept,
    });
    expect((await yamlOf('infra/aws/resources/bucket-policy.yml'))['Resources']).toMatchObject({
      BucketPolicy: kept,
    });
  });

  test('has every metric, and says what to do about every alarm', async () => {
    const page = await textOf('docs/deploy-aws.md');
    for (const metric of Object.keys(METRICS)) expect(page).toContain(`\`${metric}\``);
    const ofMany = [...LANES, ...SCHEDULED].flatMap(({ name }) => [
      `${pascal(name)}ErrorsAlarm`,
      `${pascal(name)}DeadLettersAlarm`,
    ]);
    const own = Object.keys(resources().Resources).filter((name) => !ofMany.includes(name));
    expect(own).toHaveLength(11);
    const alarms = Object.keys(resources().Resources).length;
    expect(page).toMatch(
      new RegExp(`\\b${alarms} alarms .* ${Object.keys(METRICS).length} metrics `),
    );
    for (const name of [...own, '…ErrorsAlarm', '…DeadLettersAlarm'])
      expect(page).toContain(`| \`${name}\``);
  });
});
