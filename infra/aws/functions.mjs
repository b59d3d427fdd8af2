import { arnOf, kebab, LANES, pascal, SCHEDULED } from './lanes.mjs';

/** `functions:` of serverless.yml. */
export const functions = () => ({
  ...Object.fromEntries(
    LANES.map((lane) => [lane.name, { ...functionOf(lane), events: [{ sqs: queueOf(lane) }] }]),
  ),
  ...Object.fromEntries(SCHEDULED.map((one) => [one.name, functionOf(one)])),
});

function functionOf({ name, memory, timeout, description, environment }) {
  const folder = `dist/lambda/${kebab(name)}`;
  return {
    // The name that `extensions` gives with the default stack name: osls prints this one.
    name: `\${self:service}-\${sls:stage}-${kebab(name)}`,
    handler: `${folder}/index.handler`,
    role: `${pascal(name)}Role`,
    package: { patterns: ['!**', `${folder}/**`] },
    description,
    memorySize: memory,
    timeout,
    ...(environment === undefined ? {} : { environment }),
  };
}

const queueOf = ({ name, batch, window, concurrency }) => ({
  arn: arnOf(`${pascal(name)}Queue`),
  batchSize: batch,
  maximumBatchingWindow: window,
  maximumConcurrency: concurrency,
  functionResponseType: 'ReportBatchItemFailures',
});

/**
 * Names that contain the stack's name, so that one packaged template can be deployed twice; and
 * properties that `functions:` does not support.
 */
export const extensions = () => ({
  extensions: Object.assign({}, ...[...LANES, ...SCHEDULED].map(extensionOf)),
});

function extensionOf({ name }) {
  const functionName = `\${AWS::StackName}-${kebab(name)}`;
  return {
    [`${pascal(name)}LambdaFunction`]: {
      Properties: {
        FunctionName: { 'Fn::Sub': functionName },
        ...(isScheduled(name) ? singleInstance : {}),
      },
    },
    [`${pascal(name)}LogGroup`]: {
      Properties: {
        LogGroupName: { 'Fn::Sub': `/aws/lambda/${functionName}` },
        RetentionInDays: { Ref: 'LogRetentionDays' },
      },
    },
  };
}

const isScheduled = (name) => SCHEDULED.some((one) => one.name === name);

/** Concurrent sweeps and expiries are harmless, but cost twice. */
const singleInstance = {
  ReservedConcurrentExecutions: { 'Fn::If': ['MayReserve', 1, { Ref: 'AWS::NoValue' }] },
};
