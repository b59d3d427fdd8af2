import type { Context } from 'aws-lambda';
import pino, { type Logger } from 'pino';
import * as z from 'zod';
import { StowageError } from '../../backup-set/base/errors.ts';
import { describeIssue, fieldNames } from '../../backup-set/messages/issue.ts';
import { withOwnMessage } from '../../backup-set/messages/log-error.ts';
import { UnusualRules } from '../../backup-set/unusual/rules.ts';
import { openStore } from '../../storage/open.ts';
import type { Deps } from '../deps.ts';
import { type Counted, embedded } from './metrics.ts';

/** The dependencies of one invocation. */
export interface Invocation extends Deps {
  /** Records metrics. */
  readonly count: (counted: Counted) => void;
}

/** The work is interrupted this long before the timeout, so that its messages are returned. */
const RESERVE_MS = 3000;

const base: Logger = pino({
  level: process.env['STOWAGE_LOG_LEVEL'] ?? 'info',
  base: null,
  serializers: { err: withOwnMessage(pino.stdSerializers.err) },
});
/** Separate from the log: the log level must not suppress metrics that alarms need. */
const metrics: Logger = pino({ base: null });
let opened: Promise<Stores> | undefined;

/** The dependencies of an invocation. Opens the stores once per process. */
export async function openInvocation(context: Context): Promise<Invocation> {
  const root = requiredVariable('STOWAGE_ROOT', 'the root, s3://bucket/prefix');
  opened ??= openStores(root);
  const remainingMs = Math.max(0, context.getRemainingTimeInMillis() - RESERVE_MS);
  return {
    ...(await opened),
    unusual: unusualFrom(process.env['STOWAGE_UNUSUAL'] ?? ''),
    clock: () => new Date(),
    // The root as configured: the alarms use the same dimension.
    count: (counted) => metrics.info(embedded(root, new Date(), counted)),
    log: base.child({ requestId: context.awsRequestId }),
    signal: AbortSignal.timeout(remainingMs),
  };
}

/** A wrong rule must not stop validations and restores: it is a warning of every set. */
function unusualFrom(text: string): UnusualRules | string | undefined {
  if (text === '') return undefined;
  try {
    return UnusualRules.parse(JSON.parse(text));
  } catch (error) {
    const [issue] = error instanceof z.ZodError ? error.issues : [];
    const why = issue && describeIssue(issue, JSON.parse(text), fieldNames(UnusualRules));
    return `the set was not compared with older sets: environment variable STOWAGE_UNUSUAL is not an object as \`unusual\` of stowage.yaml, in JSON${why ? `: ${why}` : ''}`;
  }
}

type Stores = Pick<Deps, 'store' | 'replica'>;

async function openStores(root: string): Promise<Stores> {
  const store = await openStore({ root });
  const replica = process.env['STOWAGE_REPLICA'] ?? '';
  if (replica === '') return { store };
  const region = process.env['STOWAGE_REPLICA_REGION'] ?? '';
  return {
    store,
    replica: await openStore({ root: replica, ...(region === '' ? {} : { s3: { region } }) }),
  };
}

/** @throws StowageError `config/missing`. */
export function requiredVariable(name: string, what: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new StowageError(
      'config/missing',
      `environment variable ${name} is not set: it must name ${what}`,
    );
  return value;
}
