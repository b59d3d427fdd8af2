import { StowageError } from '../backup-set/base/errors.ts';
import { Timestamp } from '../backup-set/base/timestamps.ts';
import { GroupId } from '../backup-set/documents/plan.ts';
import { describeApart, type ListedSet } from '../functions/sets/describe-sets.ts';
import { listTimestamps } from '../functions/sets/list.ts';
import { isSet } from '../functions/stored/is-set.ts';
import type { ObjectStore } from '../storage/store.ts';
import type { Flags } from './command.ts';
import type { Context } from './context.ts';
import { functionDeps } from './wait-for-functions.ts';

/** A set as an operator names it on the command line. */
export type SetName =
  | { readonly kind: 'timestamp'; readonly timestamp: string }
  /** The first digits of a timestamp. */
  | { readonly kind: 'prefix'; readonly digits: string }
  /** The newest complete set; with `before`, the newest of those that are older. */
  | { readonly kind: 'latest'; readonly before?: string };

export const SET_DETAILS = `<set> is a timestamp, YYYYMMDDHHMMSS, as \`stowage list\` prints it; its first digits, when only one set has them; or \`latest\`, the newest complete set.`;
export const GROUP_DETAILS = `Or it is a group, group-YYYYMMDDHHMMSS: the sets of one run over several databases.`;
export const BEFORE_FLAG = [
  '--before <time>',
  'with latest: the newest complete set before this UTC time: 2026-11-20, 2026-11-20T03:00 or a timestamp',
] as const;

const PREFIX_DIGITS_MIN = 4;
const NAMED_MAX = 5;

/** @throws StowageError `usage/flag` naming the argument or flag. */
export function setNameFrom(positional: readonly string[], flags: Flags = {}): SetName {
  const [text = ''] = positional;
  const before = flags['before'];
  if (before !== undefined && text !== 'latest')
    throw wrong('before', '--before goes with `latest`: stowage restore latest --before TIME');
  if (text === 'latest')
    return before === undefined ? { kind: 'latest' } : { kind: 'latest', before: instant(before) };
  if (Timestamp.safeParse(text).success) return { kind: 'timestamp', timestamp: text };
  if (new RegExp(`^\\d{${PREFIX_DIGITS_MIN},13}$`).test(text))
    return { kind: 'prefix', digits: text };
  if (GroupId.safeParse(text).success) throw wrong('set', namesGroup(text));
  throw wrong(
    'set',
    `${JSON.stringify(text)} does not name a set: use the 14 digits that \`stowage list\` prints, YYYYMMDDHHMMSS, of a date that exists; at least the first ${PREFIX_DIGITS_MIN} of them; or \`latest\``,
  );
}

/**
 * The timestamp of the named set; says which set it is when the name does not.
 * @throws StowageError `set/not-found`, or `usage/flag` when several sets begin with the digits.
 */
export async function findSet(
  context: Context,
  store: ObjectStore,
  name: SetName,
): Promise<string> {
  if (name.kind === 'timestamp') return name.timestamp;
  const timestamps = await listTimestamps(store);
  if (name.kind === 'latest') return newestComplete(context, store, timestamps, name.before);
  const timestamp = await onlyOne(context, store, timestamps, name.digits);
  context.output.note('set', { timestamp }, `set ${timestamp}`);
  return timestamp;
}

async function onlyOne(
  context: Context,
  store: ObjectStore,
  timestamps: readonly string[],
  digits: string,
): Promise<string> {
  const deps = functionDeps(context, store);
  const listed = timestamps.filter((timestamp) => timestamp.startsWith(digits));
  const found: string[] = [];
  // The newest first, until it is clear that one set does not decide.
  for (const timestamp of listed.toReversed()) {
    if (found.length > NAMED_MAX) break;
    if (await isSet(deps, timestamp)) found.unshift(timestamp);
  }
  const [timestamp] = found;
  if (timestamp === undefined)
    throw new StowageError('set/not-found', `no set under ${store.url} begins with ${digits}`);
  if (found.length === 1) return timestamp;
  const named = found.slice(-NAMED_MAX).join(', ');
  const isMore = found.length > NAMED_MAX;
  const many = isMore ? `${listed.length}` : `${found.length}`;
  const rest = isMore ? `the newest ${NAMED_MAX} are ${named}` : named;
  throw wrong('set', `${many} sets begin with ${digits}: ${rest}. Give more digits`);
}

async function newestComplete(
  context: Context,
  store: ObjectStore,
  timestamps: readonly string[],
  before: string | undefined,
): Promise<string> {
  const older = timestamps.filter((timestamp) => before === undefined || timestamp < before);
  const what = `complete set${before === undefined ? '' : ` before ${before}`}`;
  // A newer set that cannot be restored is never passed over without a word.
  const skipped: Skipped[] = [];
  for (const candidate of older.reverse()) {
    context.signal.throwIfAborted();
    const described = await describeApart(functionDeps(context, store), candidate);
    if (described === undefined) continue;
    const { timestamp, retention } = described;
    const status = retention?.state === 'expired' ? 'expired' : described.status;
    if (status === 'complete') {
      const text = `set ${timestamp}: the newest ${what}${describeSkipped(skipped)}`;
      context.output.note('set', { timestamp, skipped }, text);
      return timestamp;
    }
    skipped.push({ timestamp, status });
  }
  const message = `there is no ${what} under ${store.url}${describeSkipped(skipped)}`;
  throw new StowageError('set/not-found', message);
}

interface Skipped {
  readonly timestamp: string;
  readonly status: ListedSet['status'] | 'expired';
}

function describeSkipped(skipped: readonly Skipped[]): string {
  if (skipped.length === 0) return '';
  const named = skipped
    .slice(0, NAMED_MAX)
    .map(({ timestamp, status }) => `${timestamp} is ${status}`);
  const rest = skipped.length > NAMED_MAX ? ', …' : '';
  return `. Skipped: ${named.join(', ')}${rest}`;
}

/** A UTC time as 14 digits. @throws StowageError `usage/flag` naming the flag. */
export function instant(value: unknown, flag = 'before', or = ''): string {
  const text = String(value);
  const form = /^(\d{14}|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?Z?)$/;
  const digits = Timestamp.safeParse(text.replaceAll(/\D/g, '').padEnd(14, '0'));
  if (form.test(text) && digits.success) return digits.data;
  throw wrong(
    flag,
    `--${flag} takes a UTC time such as 2026-11-20, 2026-11-20T03:00 or a timestamp${or}, not ${JSON.stringify(text)}`,
  );
}

/** For commands that take one set. */
export const namesGroup = (text: string) =>
  `${text} is a group of sets, and this command takes one set: \`stowage show ${text}\` lists their timestamps`;

function wrong(field: string, message: string): StowageError {
  return new StowageError('usage/flag', message, { where: { field } });
}
