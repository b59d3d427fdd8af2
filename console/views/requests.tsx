import type { ConsoleRequest, Requests } from '../../functions/serve/console/api.ts';
import { apiAddress, useApi } from '../base/api.ts';
import { localTime, plural } from '../base/format.ts';
import { addressOf } from '../base/route.ts';
import { Chip } from '../parts/pieces.tsx';

const POLL_MS = 3_000;
/** Of the overview, which shows what waits for an operator. */
const SLOW_POLL_MS = 15_000;

/** What was asked for, and what became of it. Nothing where there is nothing to show. */
export function RequestsSection({ isWaitingOnly = false }: { readonly isWaitingOnly?: boolean }) {
  const pollMs = isWaitingOnly ? SLOW_POLL_MS : POLL_MS;
  const { value } = useApi<Requests>(apiAddress(0, 'requests'), () => pollMs);
  const requests = value?.requests.filter(({ state }) => !isWaitingOnly || state === 'waiting');
  if (requests === undefined || requests.length === 0) return null;
  return (
    <section aria-labelledby="requests">
      <div class="sectionhead">
        <h2 id="requests">Requests</h2>
      </div>
      <RequestRows requests={requests} />
    </section>
  );
}

export function RequestRows({ requests }: { readonly requests: readonly ConsoleRequest[] }) {
  if (requests.length === 0) return null;
  return (
    <ul class="runs requests">
      {requests.map((request) => (
        <Row key={request.id} request={request} />
      ))}
    </ul>
  );
}

function Row({ request }: { readonly request: ConsoleRequest }) {
  const { id, state, set, target, database, mode, tables = 0, by, takenBy, message } = request;
  const what = tables === 0 ? 'everything' : plural(tables, 'table');
  const into = database === undefined ? target : `${target}, database ${database}`;
  const text = `${what} of ${set ?? '–'} into ${into ?? '–'} (${mode ?? '–'})`;
  const hasRestore = takenBy !== undefined && state !== 'refused';
  return (
    <li>
      <Chip state={state} />
      {hasRestore ? (
        <a href={addressOf(0, ['running', 'restore', id])}>{text}</a>
      ) : (
        <span>{text}</span>
      )}
      <span class="muted">
        {localTime(request.requestedAt)} by {by ?? '–'}
      </span>
      <span class="detail">
        {message ??
          (takenBy !== undefined
            ? `taken by ${takenBy}`
            : state === 'waiting'
              ? `stowage restore --request ${id}`
              : '')}
      </span>
    </li>
  );
}
