import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseDocument } from 'yaml';

interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

const text = await readFile(new URL('resources/run-schedule.yml', import.meta.url), 'utf8');
/** `!Sub` and the like stay text. */
const { Resources } = parseDocument(text, { logLevel: 'silent' }).toJS() as {
  Resources: Record<string, Resource>;
};

test('EventBridge Scheduler calls order-run with the entry and its own time, only when it has times', () => {
  const { Condition, Type, Properties } = Resources['RunSchedule'] ?? {};
  expect([Type, Condition]).toEqual(['AWS::Scheduler::Schedule', 'OrdersRuns']);
  const { Target } = Properties as { Target: { Arn: string; RoleArn: string; Input: string } };
  expect(Target.Arn).toBe('OrderRunLambdaFunction.Arn');
  expect(Target.RoleArn).toBe('RunSchedulerRole.Arn');
  expect(JSON.parse(Target.Input.replace(/[$]\{RunEntry\}/, 'nightly'))).toEqual({
    entry: 'nightly',
    scheduledAt: '<aws.scheduler.scheduled-time>',
  });
});

test('the role of the schedule may call order-run and nothing else, for this account only', () => {
  const { Properties } = Resources['RunSchedulerRole'] ?? {};
  const { Policies, AssumeRolePolicyDocument } = Properties as {
    Policies: { PolicyDocument: { Statement: object[] } }[];
    AssumeRolePolicyDocument: { Statement: object[] };
  };
  expect(Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)).toEqual([
    {
      Sid: 'Call',
      Effect: 'Allow',
      Action: 'lambda:InvokeFunction',
      Resource: 'OrderRunLambdaFunction.Arn',
    },
  ]);
  expect(AssumeRolePolicyDocument.Statement).toMatchObject([
    {
      Principal: { Service: 'scheduler.amazonaws.com' },
      Condition: { StringEquals: { 'aws:SourceAccount': 'AWS::AccountId' } },
    },
  ]);
});
