import { arnOf, LANES, pascal } from './lanes.mjs';

/**
 * Visibility timeout per function timeout. With less, SQS delivers a batch twice while it waits for
 * a throttled function.
 */
const VISIBILITY_PER_TIMEOUT = 6;
/** Five tries take hours: longer than an S3 outage, and by then the sweeper has done the work. */
const RECEIVES_MAX = 5;
const TWO_WEEKS = 14 * 24 * 3600;

/** Seconds until a failed message is delivered again. */
export const visibilityOf = ({ timeout }) => timeout * VISIBILITY_PER_TIMEOUT;

/** Included by serverless.yml: everything between the bucket and the functions. */
export const resources = () => ({
  Resources: Object.assign({}, ...LANES.map((lane) => ({ ...queuesOf(lane), ...ruleOf(lane) }))),
});

function queuesOf(lane) {
  const { name } = lane;
  const queue = `${pascal(name)}Queue`;
  const dead = `${pascal(name)}DeadLetters`;
  const common = { SqsManagedSseEnabled: true, MessageRetentionPeriod: TWO_WEEKS };
  return {
    [queue]: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        ...common,
        VisibilityTimeout: visibilityOf(lane),
        RedrivePolicy: { deadLetterTargetArn: arnOf(dead), maxReceiveCount: RECEIVES_MAX },
      },
    },
    [dead]: { Type: 'AWS::SQS::Queue', Properties: common },
    [`${queue}Policy`]: policyOf(
      queue,
      takesFromRule(queue, `${pascal(name)}Rule`),
      overTlsOnly(queue),
    ),
    [`${dead}Policy`]: policyOf(dead, overTlsOnly(dead)),
  };
}

/** One policy per queue: SQS rejects a statement about another queue. */
const policyOf = (queue, ...statements) => ({
  Type: 'AWS::SQS::QueuePolicy',
  Properties: {
    Queues: [{ Ref: queue }],
    PolicyDocument: { Version: '2012-10-17', Statement: statements },
  },
});

const takesFromRule = (queue, rule) => ({
  Sid: 'EventsOfTheBucket',
  Effect: 'Allow',
  Principal: { Service: 'events.amazonaws.com' },
  Action: 'sqs:SendMessage',
  Resource: arnOf(queue),
  Condition: { ArnEquals: { 'aws:SourceArn': arnOf(rule) } },
});

const overTlsOnly = (queue) => ({
  Sid: 'TlsOnly',
  Effect: 'Deny',
  Principal: '*',
  Action: 'sqs:*',
  Resource: arnOf(queue),
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
});

function ruleOf({ name, keys, description, condition }) {
  const queue = `${pascal(name)}Queue`;
  return {
    [`${pascal(name)}Rule`]: {
      Type: 'AWS::Events::Rule',
      Properties: {
        Description: description,
        ...(condition && { State: { 'Fn::If': [condition, 'ENABLED', 'DISABLED'] } }),
        EventPattern: {
          source: ['aws.s3'],
          'detail-type': ['Object Created'],
          detail: {
            bucket: { name: [{ Ref: 'BucketName' }] },
            object: {
              key: keys.map((key) => ({ wildcard: { 'Fn::Sub': `\${RootPrefix}${key}` } })),
            },
          },
        },
        Targets: [{ Id: 'queue', Arn: arnOf(queue) }],
      },
    },
  };
}
