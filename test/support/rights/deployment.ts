import type { Deployment, Template } from './template.ts';

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:announcements';
const KEY = 'arn:aws:kms:eu-central-1:123456789012:key/0123';

export const ORDER_RUN = 'arn:aws:lambda:eu-central-1:123456789012:function:order-run';

/** Invented names of a deployment of the template. */
export const NAMES = {
  bucket: 'offsite',
  replica: 'elsewhere',
  prefix: 'shop/',
  topic: TOPIC,
  key: KEY,
};

export const roleArn = (name: string) => `arn:aws:iam::123456789012:role/${name}`;

/** A deployment with an alternate location, and with the given options. */
export function deploymentOf(
  template: Template,
  { prefix = NAMES.prefix, kms = false }: { prefix?: string; kms?: boolean } = {},
): Deployment {
  const values: Record<string, string> = {
    'AWS::Partition': 'aws',
    'AWS::AccountId': '123456789012',
    'AWS::URLSuffix': 'amazonaws.com',
    'Bucket.Arn': `arn:aws:s3:::${NAMES.bucket}`,
    Bucket: NAMES.bucket,
    BucketName: NAMES.bucket,
    ReplicaBucketName: NAMES.replica,
    RootPrefix: prefix,
    ObjectLockDays: '30',
    KmsKeyArn: KEY,
    ReplicaKmsKeyArn: `${KEY}4`,
    Announcements: TOPIC,
    'OrderRunLambdaFunction.Arn': ORDER_RUN,
  };
  for (const [name, { Type }] of Object.entries(template.Resources)) {
    if (Type !== 'AWS::IAM::Role') continue;
    values[`${name}.Arn`] = roleArn(name);
    const lane = name.replace(/Role$/, '');
    values[`${lane}Queue.Arn`] = `arn:aws:sqs:eu-central-1:123456789012:${lane}`;
    values[`${lane}LogGroup.Arn`] =
      `arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/${lane}:*`;
  }
  return { values, conditions: { HasKmsKey: kms, HasReplica: true, HasReplicaKmsKey: kms } };
}
