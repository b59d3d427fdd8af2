import { formatKey } from '../../backup-set/base/keys.ts';
import { describeRequests, type RequestSummary } from '../../functions/requests/requests.ts';
import { storedSetKeys } from '../../functions/stored/set-keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { identityFor } from '../keys/identity-words.ts';
import { withStore } from '../open.ts';
import { age, printable } from '../output/format.ts';
import { type Cell, type Column, table } from '../output/table/table.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { requireRequest } from './check.ts';
import { commandLineOf, nextLines, requestLines, TONES } from './text.ts';

/** Requests that are read: three requests to the store for each. */
const READ_MAX = 200;

type Field = Column & { readonly of: (one: RequestSummary, now: Date) => Cell };

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
export async function listRequests(context: ClusterContext): Promise<number> {
  const now = context.clock();
  return withStore(context, async (store) => {
    const requests = await describeRequests(functionDeps(context, store), READ_MAX);
    context.output.result(
      { root: store.url, requests },
      requests.length === 0
        ? printable(`no requests under ${store.url}`)
        : table(
            FIELDS,
            requests.map((one) => FIELDS.map(({ of }) => of(one, now))),
            context.output.screen,
          ),
    );
    return 0;
  });
}

export async function isRequest(
  { signal }: ClusterContext,
  store: ObjectStore,
  restore: string,
): Promise<boolean> {
  return (
    (await store.head(formatKey({ kind: 'asked-restore', restore }), { signal })) !== undefined
  );
}

/** Prints one request with its command line. @returns the exit code: 3 when it has failed. */
export async function showRequest(
  context: ClusterContext,
  store: ObjectStore,
  id: string,
): Promise<number> {
  const found = await requireRequest(context, store, id);
  const { asked, state } = found;
  const keys = asked ? await storedSetKeys(functionDeps(context, store), asked.timestamp) : [];
  const identity = identityFor(context, keys.length > 0);
  const line = asked && `${commandLineOf(context, store, asked)}${identity}`;
  const text = [
    ...(asked === undefined || line === undefined
      ? [`request ${id} cannot be read`]
      : requestLines(asked, line)),
    ...nextLines(found, identity),
  ];
  context.output.result({ ...found, line }, text.map(printable).join('\n'));
  return state === 'failed' ? 3 : 0;
}
