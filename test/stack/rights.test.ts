import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LANES, pascal, SCHEDULED } from '../../infra/aws/lanes.mjs';
import { type Packaged, packageStack } from '../support/emulator/stack.ts';
import { deploymentOf, ORDER_RUN } from '../support/rights/deployment.ts';
import { policiesOf } from '../support/rights/policies.ts';
import { readTemplate, securityTemplate, type Template } from '../support/rights/template.ts';

// infra/docs/security.test.ts compares the fragments with docs/security.md. These tests check that
// the deployed template contains exactly these fragments.
let packaged: Packaged;
let template: Template;

beforeAll(async () => {
  packaged = await packageStack();
  template = await readTemplate(join(packaged.folder, 'cloudformation-template-update-stack.json'));
});
afterAll(() => packaged?.remove());

/** The role of EventBridge Scheduler is no role of the bucket. */
const MAY_ORDER_RUNS = [
  { Sid: 'Call', Effect: 'Allow', Action: ['lambda:InvokeFunction'], Resource: [ORDER_RUN] },
];

const typesOf = (type: string) =>
  Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);

test.each([false, true])(
  'the packaged roles and bucket policy equal the fragments (customer managed key: %s)',
  async (kms) => {
    const source = await securityTemplate();
    const written = policiesOf(source, deploymentOf(source, { kms }));
    const deployed = policiesOf(template, deploymentOf(template, { kms }));
    expect(deployed.bucket).toEqual(written.bucket);
    for (const [role, statements] of deployed.roles)
      expect(statements, role).toEqual(
        role === 'RunScheduler' ? MAY_ORDER_RUNS : written.roles.get(role),
      );
  },
);

test('every function has the role of its name, and nothing else grants rights', () => {
  const functions = [...LANES, ...SCHEDULED].map(({ name }) => pascal(name));
  const lambdas = typesOf('AWS::Lambda::Function').map(([name, { Properties }]) => [
    name,
    Properties,
  ]);
  expect(lambdas).toHaveLength(functions.length);
  for (const name of functions)
    expect(template.Resources[`${name}LambdaFunction`]?.Properties).toMatchObject({
      Role: { 'Fn::GetAtt': [`${name}Role`, 'Arn'] },
    });
  const hosts = ['Shipper', 'RestoreShipper', 'Agent', 'Console'];
  const people = ['Operator', 'Restore', 'Delete', 'Audit'];
  const roles = typesOf('AWS::IAM::Role').map(([name]) => name);
  expect(roles.toSorted()).toEqual(
    [...functions, ...hosts, ...people, 'RunScheduler'].map((name) => `${name}Role`).toSorted(),
  );
  for (const type of [
    'AWS::IAM::Policy',
    'AWS::IAM::ManagedPolicy',
    'AWS::IAM::User',
    'AWS::IAM::UserPolicy',
  ])
    expect(typesOf(type)).toEqual([]);
});
