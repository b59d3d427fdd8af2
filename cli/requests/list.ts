import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import {
  describeRequests,
  type RequestSummary,
  type ShownState,
  shownState,
} from '../../functions/requests/requests.ts';
import { storedSetKeys } from '../../functions/stored/set-keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Flags } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { identityFor } from '../keys/identity-words.ts';
import { filtered, filtersFrom, filterText } from '../list/filters.ts';
import { withStore } from '../open.ts';
import { age, printable } from '../output/format.ts';
import {
  exitOfLook,
  lookWith,
  unreadableLines,
  unreadableValue,
} from '../output/storage/unreadable.ts';
import { type Cell, type Column, table } from '../output/table/table.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { requireRequest } from './check.ts';
import { commandLineOf, nextLines, requestLines, TONES } from './text.ts';
import { knownToken } from './token.ts';

/** Requests that are read: three requests to the store for each. */
const READ_MAX = 200;

type Shown = Omit<RequestSummary, 'state'> & { readonly state: ShownState };
type Field = Column & { readonly of: (one: Shown, now: Date) => Cell };

const FIELDS: readonly Field[] = [
  { title: 'request', align: 'left', of: ({ id }) => id },
  {
    title: 'age',
    align: 'right',
    of: ({ asked }, now) => asked && age(now.getTime() - Date.parse(asked.requestedAt)),
  },
  { title: 'state', of: ({ state }) => ({ text: state, tone: TONES[state] }) },
  { title: 'set', drop: 3, of: ({ asked }) => asked?.timestamp },
  { title: 'target', of: ({ asked }) => asked?.target },
  { title: 'how', drop: 2, of: ({ asked }) => asked?.mode },
  { title: 'asked by', min: 8, cut: 'end', of: ({ asked }) => asked?.by },
];

/** Prints what the console asked for. @returns the exit code. */
export async function listRequests(context: ClusterContext, flags: Flags): Promise<number> {
  const now = context.clock();
  const filters = filtersFrom(flags, Object.keys(TONES), now);
  const unknown = (['tags', 'clusters', 'databases'] as const).find((by) => filters[by].length > 0);
  if (unknown !== undefined) {
    const field = unknown.slice(0, -1);
    throw new StowageError('usage/flag', `--${field} is not for requests`, { where: { field } });
  }
  const most = flags['all'] === true ? Number.POSITIVE_INFINITY : READ_MAX;
  return withStore(context, async (store) => {
    const token = await knownToken(context);
    const look = lookWith(functionDeps(context, store));
    const found = await describeRequests(look.deps, most);
    const unreadable = look.unreadable();
    if (found.length > 0) noteUnchecked(context, token);
    const all = found.map((one) => ({ ...one, state: shownState(one, token) }));
    const requests = filtered(all, filteredBy, filters);
    const text = filterText(filters);
    context.output.result(
      { root: store.url, requests, ...unreadableValue(unreadable) },
      [
        requests.length === 0
          ? printable(`no requests${text === '' ? '' : ` with ${text}`} under ${store.url}`)
          : table(
              FIELDS,
              requests.map((one) => FIELDS.map(({ of }) => of(one, now))),
              context.output.screen,
            ),
        ...unreadableLines(unreadable),
      ].join('\n'),
    );
    return exitOfLook(unreadable);
  });
}

/** A list without `forged` must not pass for one in which every proof fits. */
function noteUnchecked({ output }: ClusterContext, token: string | undefined): void {
  if (token !== undefined) return;
  const field = 'requests.tokenFile';
  const text = `the proofs of requests were not checked: no token can be read here (${field}), so neither a forged one is named, nor one of which another program has written how it ended`;
  output.note('request-proofs-unchecked', { field }, text);
}

const filteredBy = ({ id, state }: Shown) => ({
  time: id.slice(0, 14),
  status: state,
  database: undefined,
  cluster: undefined,
  tags: [],
});

export async function isRequest(
  { signal }: ClusterContext,
  store: ObjectStore,
  restore: string,
): Promise<boolean> {
  return (
    (await store.head(formatKey({ kind: 'asked-restore', restore }), { signal })) !== undefined
  );
}

/**
 * Prints one request whose restore has not begun, with its command line.
 * @returns the exit code: 3 when it has failed.
 */
export async function showRequest(
  context: ClusterContext,
  store: ObjectStore,
  id: string,
): Promise<number> {
  const read = await requireRequest(context, store, id);
  const token = await knownToken(context);
  noteUnchecked(context, token);
  const state = shownState(read, token);
  const found = { ...read, state };
  const { asked } = read;
  const keys = asked ? await storedSetKeys(functionDeps(context, store), asked.timestamp) : [];
  const identity = identityFor(context, keys.length > 0);
  // A forged request must not give an operator a command line to paste.
  const isForged = state === 'forged';
  const line = isForged ? undefined : asked && `${commandLineOf(context, store, asked)}${identity}`;
  const text = [
    ...(asked === undefined ? [`request ${id} cannot be read`] : requestLines(asked, line)),
    ...nextLines(found, identity),
  ];
  context.output.result({ ...found, line }, text.map(printable).join('\n'));
  return state === 'failed' ? 3 : 0;
}
