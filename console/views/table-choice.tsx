import { useMemo, useState } from 'preact/hooks';
import type { OneSet } from '../../functions/serve/console/api.ts';
import { bytes, count } from '../base/format.ts';
import { nameOf, orderTables } from '../heat/order.ts';

const FOUND_SHOWN = 50;

/** Tables of a set to click; the chosen ones stay in view. */
export function TableChoice({
  set,
  chosen,
  onChange,
}: {
  readonly set: OneSet;
  readonly chosen: readonly number[];
  readonly onChange: (tables: readonly number[], at: number) => void;
}) {
  const [find, setFind] = useState('');
  const found = useMemo(() => orderTables(set.tables, 'bytes', find), [set, find]);
  const toggle = (table: number, at: number) =>
    onChange(
      chosen.includes(table) ? chosen.filter((other) => other !== table) : [...chosen, table],
      at,
    );
  return (
    <fieldset class="tablechoice">
      <legend>
        Tables{' '}
        <span class="muted">
          {chosen.length === 0
            ? `all ${count(set.tables.name.length + set.tablesLeftOut)}`
            : `${count(chosen.length)} chosen`}
        </span>
        {chosen.length > 0 && (
          <button type="button" class="quiet" onClick={(event) => onChange([], event.timeStamp)}>
            All tables
          </button>
        )}
      </legend>
      <input
        type="search"
        class="full"
        placeholder="Find tables"
        aria-label="Find tables"
        value={find}
        onInput={(event) => setFind(event.currentTarget.value)}
      />
      <ul class="tablelist">
        {[...new Set([...chosen, ...found.subarray(0, FOUND_SHOWN)])].map((table) => (
          <li key={table}>
            <label>
              <input
                type="checkbox"
                checked={chosen.includes(table)}
                onChange={(event) => toggle(table, event.timeStamp)}
              />
              <span>{nameOf(set.tables, table)}</span>
            </label>
            <span class="muted">{bytes(set.tables.bytes[table])}</span>
          </li>
        ))}
      </ul>
      {found.length > FOUND_SHOWN && (
        <p class="muted">{count(found.length - FOUND_SHOWN)} more: search to find them.</p>
      )}
    </fieldset>
  );
}
