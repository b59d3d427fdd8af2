import { useMemo, useState } from 'preact/hooks';
import type { OneSet, Overview } from '../../functions/serve/console/api.ts';
import { apiAddress, useApi } from '../base/api.ts';
import { bytes, count } from '../base/format.ts';
import { measured } from '../base/measure.ts';
import { addressOf, type Route } from '../base/route.ts';
import { nameOf, orderTables } from '../heat/order.ts';
import { FailureBox } from '../parts/pieces.tsx';
import { newestByDatabase } from './databases.ts';
import { TableHistoryView } from './table-history.tsx';

const FOUND_SHOWN = 100;

/** The tables of the newest complete set of a database, and the history of one of them. */
export function TablesPage({
  route,
  overview,
}: {
  readonly route: Route;
  readonly overview: Overview;
}) {
  const databases = newestByDatabase(overview.sets);
  const wanted = route.query.get('database');
  const database = databases.find(({ name }) => name === wanted) ?? databases[0];
  const newest = database?.set;
  const { value: set, failure } = useApi<OneSet>(
    newest && apiAddress(route.root, `sets/${newest.timestamp}`),
    () => undefined,
  );
  const [find, setFind] = useState('');
  const found = useMemo(
    () => (set === undefined ? undefined : orderTables(set.tables, 'bytes', find)),
    [set, find],
  );
  const schema = route.query.get('schema');
  const name = route.query.get('name');
  return (
    <div class="page">
      <h1>Tables</h1>
      {databases.length > 1 && (
        <label class="field database">
          <span>Database</span>
          <select
            value={database?.name}
            onChange={(event) => {
              const chosen = { database: event.currentTarget.value };
              location.hash = addressOf(route.root, ['tables'], chosen);
              measured('database', event.timeStamp);
            }}
          >
            {databases.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {wanted !== null && database?.name !== wanted && (
        <p class="calm">No complete set of database {wanted} is among the sets of the overview.</p>
      )}
      {newest === undefined && <p class="calm">There is no complete set.</p>}
      {failure && <FailureBox failure={failure} />}
      <div class="twocolumns">
        <section aria-label={`Tables of the newest set of ${database?.name ?? ''}`}>
          <input
            type="search"
            class="full"
            placeholder="Find tables"
            aria-label="Find tables"
            value={find}
            onInput={(event) => {
              setFind(event.currentTarget.value);
              measured('find', event.timeStamp);
            }}
          />
          <ul class="tablelist">
            {set &&
              [...(found?.subarray(0, FOUND_SHOWN) ?? [])].map((table) => {
                const of = {
                  schema: set.tables.schemas[set.tables.schema[table] ?? 0] ?? '',
                  name: set.tables.name[table] ?? '',
                  database: database?.name ?? '',
                };
                return (
                  <li key={table}>
                    <a
                      href={addressOf(route.root, ['tables'], of)}
                      aria-current={of.schema === schema && of.name === name ? 'true' : undefined}
                    >
                      {nameOf(set.tables, table)}
                    </a>
                    <span class="muted">{bytes(set.tables.bytes[table])}</span>
                  </li>
                );
              })}
          </ul>
          {found && found.length > FOUND_SHOWN && (
            <p class="muted">{count(found.length - FOUND_SHOWN)} more: search to find them.</p>
          )}
        </section>
        {schema !== null && name !== null ? (
          <TableHistoryView
            root={route.root}
            database={database?.name ?? ''}
            schema={schema}
            name={name}
            key={`${database?.name} ${schema} ${name}`}
          />
        ) : (
          <p class="calm">Choose a table to see its rows and bytes in every set.</p>
        )}
      </div>
    </div>
  );
}
