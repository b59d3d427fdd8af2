import { LANES, pascal, SCHEDULED } from './lanes.mjs';
import { keysOf, RIGHTS } from './rights.mjs';

/**
 * The roles of rights.mjs as CloudFormation resources. Lambda assumes the roles of functions; every
 * principal of this account with the right sts:AssumeRole can assume the others.
 */
export const resources = () => ({
  Resources: Object.fromEntries(deployed().map((name) => [`${name}Role`, roleOf(name)])),
  Outputs: Object.fromEntries(
    ASSUMED.map(([name, description]) => [`${name}RoleArn`, outputOf(name, description)]),
  ),
});

/** 12 hours, the maximum of AWS. For longer backups and restores the SDK renews the session. */
const SESSION_SECONDS_MAX = 43_200;

const ASSUMED = Object.entries({
  Shipper: 'For segment hosts that back up',
  RestoreShipper: 'For segment hosts that restore',
  Agent: 'For resident agents on segment hosts',
  Operator: 'For operators that run stowage',
  Restore: 'For stowage restore only',
  Console: 'For stowage serve with requests in its console',
  Delete: 'For stowage delete',
  Audit: 'For stowage list and show',
});

const deployed = () => [
  ...[...LANES, ...SCHEDULED].map(({ name }) => pascal(name)),
  ...ASSUMED.map(([name]) => name),
];

/** Below the bucket that a parameter names. */
const arnIn = (bucket, rest) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:s3:::\${${bucket}}${rest}` });

/**
 * @returns the role of one entry of RIGHTS; with `contents`, it creates only objects of these.
 */
export function roleOf(name, contents) {
  const isFunction = !ASSUMED.some(([other]) => other === name);
  const { replica, publishes, ...own } = RIGHTS[name];
  const statements = [
    ...(isFunction ? runtimeOf(name) : []),
    ...statementsOn('BucketName', own, '', contents),
    ...(replica === undefined ? [] : statementsThere(replica)),
    ...(publishes ? [allow('Publish', 'sns:Publish', { Ref: 'Announcements' })] : []),
    withKey('HasKmsKey', 'KmsKeyArn', own),
  ];
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      ...(!isFunction && { MaxSessionDuration: SESSION_SECONDS_MAX }),
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: isFunction ? LAMBDA : ACCOUNT, Action: 'sts:AssumeRole' },
        ],
      },
      Policies: [
        { PolicyName: 'stowage', PolicyDocument: { Version: '2012-10-17', Statement: statements } },
      ],
    },
  };
}

const LAMBDA = { Service: 'lambda.amazonaws.com' };
const ACCOUNT = { AWS: { 'Fn::Sub': `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:root` } };

/** The rights of a function to its log, and to its queue unless a schedule calls it. */
function runtimeOf(name) {
  const log = { 'Fn::GetAtt': [`${name}LogGroup`, 'Arn'] };
  const queue = { 'Fn::GetAtt': [`${name}Queue`, 'Arn'] };
  const receive = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
  return [
    allow('Log', ['logs:CreateLogStream', 'logs:PutLogEvents'], log),
    ...(SCHEDULED.some((one) => name === pascal(one.name)) ? [] : [allow('Queue', receive, queue)]),
  ];
}

const INSPECT = [
  ...[
    's3:GetBucketVersioning',
    's3:GetBucketObjectLockConfiguration',
    's3:GetBucketPublicAccessBlock',
  ],
  ...['s3:GetEncryptionConfiguration', 's3:GetBucketPolicy', 's3:GetLifecycleConfiguration'],
  ...['s3:GetBucketNotification', 's3:GetBucketOwnershipControls'],
];

function statementsOn(bucket, rights, where = '', contents = undefined) {
  const { reads, creates, never, deletes, endsUploads, lists, listsUploads, inspects } = rights;
  const whole = arnIn(bucket, '');
  const on = (sid, action, names, limit) =>
    names && allow(`${sid}${where}`, action, arnsOf(bucket, names, limit));
  return [
    on('Read', 's3:GetObject', reads),
    on('Create', 's3:PutObject', creates, contents),
    never && { ...on('Never', ['s3:GetObject', 's3:PutObject'], never), Effect: 'Deny' },
    on('Delete', 's3:DeleteObject', deletes),
    ...lockStatements(bucket, rights, where),
    on('EndUploads', 's3:AbortMultipartUpload', endsUploads, contents),
    lists && { ...allow(`List${where}`, 's3:ListBucket', whole), Condition: prefixes(lists) },
    // Without a condition: S3 does not support s3:prefix for this action.
    listsUploads && allow('ListUploads', 's3:ListBucketMultipartUploads', whole),
    // The newest part shows whether the writer of an old upload is still alive.
    listsUploads && on('ListParts', 's3:ListMultipartUploadParts', endsUploads),
    inspects && allow('Inspect', INSPECT, whole),
  ].filter((statement) => statement !== undefined);
}

/**
 * Without s3:BypassGovernanceRetention no request can shorten a retention. The conditions keep a
 * thief of the keys from locking objects for years, and separate the right to hold from the right
 * to release.
 */
function lockStatements(bucket, rights, where) {
  const { extends: extended, holds, releases, looks } = rights;
  const on = (sid, action, names, condition) => ({
    ...allow(`${sid}${where}`, action, arnsOf(bucket, names)),
    ...(condition && { Condition: condition }),
  });
  const holding = (value) => ({ StringEquals: { 's3:object-lock-legal-hold': value } });
  const days = { 's3:object-lock-remaining-retention-days': { Ref: 'ObjectLockDays' } };
  // The alternate location has days of its own.
  const limit = where === '' ? { NumericLessThanEqualsIfExists: days } : undefined;
  const reading = ['s3:GetObjectLegalHold', 's3:GetObjectRetention'];
  const hold = 's3:PutObjectLegalHold';
  return [
    ...(extended === undefined
      ? []
      : [
          // One statement: the policy of Sweep is near the quota of IAM.
          on('Extend', ['s3:GetObjectRetention', 's3:PutObjectRetention'], extended, limit),
        ]),
    ...(holds || releases || looks ? [on('ReadLocks', reading, holds ?? releases ?? looks)] : []),
    ...(holds ? [on('Hold', hold, holds, holding('ON'))] : []),
    ...(releases ? [on('Release', hold, releases, holding('OFF'))] : []),
    ...(extended || releases || looks
      ? [allow(`ReadLock${where}`, 's3:GetBucketObjectLockConfiguration', arnIn(bucket, ''))]
      : []),
  ];
}

const statementsThere = (replica) => [
  ...statementsOn('ReplicaBucketName', replica, 'There').map((statement) =>
    only('HasReplica', statement),
  ),
  withKey('HasReplicaKmsKey', 'ReplicaKmsKeyArn', replica, 'There'),
];

const arnsOf = (bucket, names, contents) =>
  keysOf(names, contents).map((pattern) => arnIn(bucket, `/\${RootPrefix}${pattern}`));

const prefixes = (lists) => ({
  StringLike: { 's3:prefix': lists.map((prefix) => ({ 'Fn::Sub': `\${RootPrefix}${prefix}` })) },
});

/**
 * With a customer managed key, S3 calls KMS with the caller's rights. A multipart upload also needs
 * Decrypt, so roles that create objects have both. Without s3:GetObject they still decrypt nothing.
 */
function withKey(condition, parameter, { creates = [] }, where = '') {
  const actions = ['kms:Decrypt', ...(creates.length === 0 ? [] : ['kms:GenerateDataKey'])];
  const viaS3 = { StringLike: { 'kms:ViaService': { 'Fn::Sub': `s3.*.\${AWS::URLSuffix}` } } };
  const use = { ...allow(`Key${where}`, actions, { Ref: parameter }), Condition: viaS3 };
  return only(condition, use);
}

const only = (condition, statement) => ({
  'Fn::If': [condition, statement, { Ref: 'AWS::NoValue' }],
});

const allow = (sid, action, resource) => ({
  Sid: sid,
  Effect: 'Allow',
  Action: action,
  Resource: resource,
});

const outputOf = (name, description) => ({
  Description: description,
  Value: { 'Fn::GetAtt': [`${name}Role`, 'Arn'] },
});
