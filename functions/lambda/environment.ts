import type { Context } from 'aws-lambda';
import pino, { type Logger } from 'pino';
import { StowageError } from '../../backup-set/base/errors.ts';
import { openStore } from '../../storage/open.ts';
import type { Deps } from '../deps.ts';
import { embedded, type Values } from './metrics.ts';

/** What one invocation works with. */
export interface Invocation extends Deps {
  /** Says what was counted, so that it becomes metrics. */
  readonly count: (values: Values) => void;
}

/** Left of the invocation's time for ending well: what is interrupted is delivered again. */
const RESERVE_MS = 3000;

const base: Logger = pino({ level: process.env['STOWAGE_LOG_LEVEL'] ?? 'info', base: null });
/** Apart from the log: its level must not silence the alarms. */
const metrics: Logger = pino({ base: null });
let opened: Promise<Stores> | undefined;

/** Opens the root once per process, and begins the log of an invocation. */
export async function openInvocation(context: Context): Promise<Invocation> {
  const root = requiredVariable('STOWAGE_ROOT', 'the root, s3://bucket/prefix');
  opened ??= openStores(root);
  const remainingMs = Math.max(0, context.getRemainingTimeInMillis() - RESERVE_MS);
  return {
    ...(await opened),
    clock: () => new Date(),
    // The root as it is configured: the alarms name the same.
    count: (values) => metrics.info(embedded(root, new Date(), values)),
    log: base.child({ requestId: context.awsRequestId }),
    signal: AbortSignal.timeout(remainingMs),
  };
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
    throw new StowageError('config/missing', `${name} is not set; it names ${what}`);
  return value;
}
