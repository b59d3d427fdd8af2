import type { ConsoleRequest, Requests } from '../../functions/serve/console/api.ts';
import { apiAddress, useApi } from '../base/api.ts';
import { localTime, plural } from '../base/format.ts';
import { addressOf } from '../base/route.ts';
import { Chip } from '../parts/pieces.tsx';

const POLL_MS = 3_000;

/** What was asked for, and what became of it. Nothing where the server takes no requests. */
export function RequestsSection() {
  const { value } = useApi<Requests>(apiAddress(0, 'requests'), () => POLL_MS);
  if (value === undefined || value.requests.length === 0) return null;
  return (
    <section aria-labelledby="requests">
      <div class="sectionhead">
        <h2 id="requests">Requests</h2>
      </div>
      <RequestRows requests={value.requests} />
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
      <span class="detail">{message ?? (takenBy === undefined ? '' : `taken by ${takenBy}`)}</span>
    </li>
  );
}
