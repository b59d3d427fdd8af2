import { useMemo } from 'preact/hooks';
import type { ConsoleSet, OneSet, Overview } from '../../functions/serve/console/api.ts';
import { apiAddress, useApi } from '../base/api.ts';
import { bytes, count, duration, instantOf, localTime, ratio } from '../base/format.ts';
import { measured } from '../base/measure.ts';
import { addressOf, type Route, replaceQuery } from '../base/route.ts';
import { VIEWS } from '../heat/colours.ts';
import { HeatMap, ROW_HEIGHTS, type RowSize } from '../heat/heat-map.tsx';
import { ORDERS, orderTables } from '../heat/order.ts';
import { Choice } from '../parts/choice.tsx';
import { Chip, FailureBox, Figure, stateOf } from '../parts/pieces.tsx';
import { RootCommand, useOnRoot } from '../parts/shown-root.tsx';

const SIZES: Readonly<Record<RowSize, string>> = { tall: 'Large', middle: 'Small', low: 'Tiny' };

/** One set: what it is, and segments × tables. */
export function SetPage({
  route,
  overview,
  timestamp,
}: {
  readonly route: Route;
  readonly overview: Overview;
  readonly timestamp: string;
}) {
  const listed = overview.sets.find((set) => set.timestamp === timestamp);
  const { value, failure } = useApi<OneSet>(
    apiAddress(route.root, `sets/${encodeURIComponent(timestamp)}`),
    (known) => (known === undefined ? 5_000 : undefined),
  );
  return (
    <div class="page">
      <div class="sectionhead">
        <h1>
          Set {timestamp} {listed && <Chip state={stateOf(listed)} />}
        </h1>
        <span class="muted">{localTime(new Date(instantOf(timestamp)))} here</span>
        {listed?.sealedAt !== undefined && (
          <a class="action" href={addressOf(route.root, ['restore'], { set: timestamp })}>
            Restore…
          </a>
        )}
      </div>
      {listed && (listed.startedAt === undefined ? <Notes set={listed} /> : <Facts set={listed} />)}
      {failure && <FailureBox failure={failure} what={overview.root.url} />}
      {value === undefined && failure === undefined && (
        <p class="loading" role="status">
          Reading the manifest…
        </p>
      )}
      {value && <Cells route={route} set={value} />}
    </div>
  );
}

function Facts({ set }: { readonly set: ConsoleSet }) {
  const { startedAt, sealedAt, bytes: rowBytes, storedBytes, newBytes, checked } = set;
  const isTimed = startedAt !== undefined && sealedAt !== undefined;
  return (
    <>
      <dl class="figures">
        <Figure label="Database" note={`${set.cluster}, ${set.flavour}`}>
          {set.database || '–'}
        </Figure>
        <Figure
          label="Rows"
          note={`${count(set.relations)} tables, ${count(set.contents)} segments`}
        >
          {count(set.rows)}
        </Figure>
        <Figure
          label="Uses"
          note={
            rowBytes === undefined
              ? undefined
              : `${bytes(rowBytes)} of rows${storedBytes ? `, ${ratio(rowBytes / storedBytes)}` : ''}`
          }
        >
          {bytes(storedBytes)}
        </Figure>
        <Figure label="Added" note={set.base === undefined ? 'no base' : `base ${set.base}`}>
          {bytes(newBytes)}
        </Figure>
        <Figure label="Took" note={isTimed ? `ended ${localTime(sealedAt)}` : undefined}>
          {isTimed ? duration(Date.parse(sealedAt) - Date.parse(startedAt)) : '–'}
        </Figure>
        <Figure label="Checked" note={checked && localTime(checked.at)}>
          {checked?.level ?? 'not yet'}
        </Figure>
      </dl>
      <Notes set={set} />
    </>
  );
}

function Notes({ set }: { readonly set: ConsoleSet }) {
  const onRoot = useOnRoot();
  const notes = [
    ...(set.unreadable === undefined ? [] : [set.unreadable]),
    ...set.problems,
    ...set.warnings,
    ...(set.usesDamaged.length > 0
      ? [
          `It may use damaged packs of ${set.usesDamaged.join(', ')}: ${onRoot(`stowage verify ${set.timestamp}`)}`,
        ]
      : []),
    ...(set.encrypted
      ? [
          `Encrypted${set.verifiedKeyless ? '; the last verify had no key, and decrypted no row' : ''}`,
        ]
      : []),
    ...(set.held === undefined ? [] : [`Held: ${set.held || 'the reason cannot be read'}`]),
    ...(set.lock ? [`Locked until ${localTime(set.lock.until)} (${set.lock.status})`] : []),
    ...(set.expiredSince === undefined ? [] : [`Expired since ${localTime(set.expiredSince)}`]),
  ];
  const more = set.problemsTotal - set.problems.length + (set.warningsTotal - set.warnings.length);
  if (notes.length === 0) return null;
  return (
    <ul class="setnotes">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
      {more > 0 && (
        <li>
          {count(more)} more: <RootCommand line={`stowage show ${set.timestamp}`} />
        </li>
      )}
    </ul>
  );
}

function Cells({ route, set }: { readonly route: Route; readonly set: OneSet }) {
  const { query } = route;
  const view = keyOf(VIEWS, query.get('view'), 'bytes');
  const order = keyOf(ORDERS, query.get('order'), 'bytes');
  const size = keyOf(ROW_HEIGHTS, query.get('size'), 'tall');
  const isWide = query.get('cells') === 'wide';
  const find = query.get('find') ?? '';
  const ordered = useMemo(() => orderTables(set.tables, order, find), [set, order, find]);
  const change = (changes: Readonly<Record<string, string>>, name: string, at: number) => {
    replaceQuery(route, changes);
    measured(name, at);
  };
  if (set.tables.name.length === 0)
    return <p class="calm">This set has no tables: it consists of the files of another tool.</p>;
  return (
    <section aria-labelledby="cells">
      <div class="sectionhead">
        <h2 id="cells">Segments × tables</h2>
        <span class="muted">
          {count(ordered.length)}
          {ordered.length < set.tables.name.length && ` of ${count(set.tables.name.length)}`} tables
          {set.tablesLeftOut > 0 && ` (${count(set.tablesLeftOut)} smaller ones are not listed)`}
        </span>
        <div class="filters">
          <input
            type="search"
            placeholder="Find tables"
            aria-label="Find tables"
            value={find}
            onInput={(event) =>
              change({ find: event.currentTarget.value }, 'search', event.timeStamp)
            }
          />
          <select
            aria-label="Order of tables"
            value={order}
            onChange={(event) =>
              change({ order: event.currentTarget.value }, 'sort', event.timeStamp)
            }
          >
            {Object.entries(ORDERS).map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
          <Choice
            label="What the colour shows"
            options={VIEWS}
            value={view}
            onChange={(value, at) => change({ view: value }, 'measure', at)}
          />
          <Choice
            label="Height of a table"
            options={SIZES}
            value={size}
            onChange={(value, at) => change({ size: value }, 'zoom', at)}
          />
          <Choice
            label="Width of a segment"
            options={{ fit: 'Fit', wide: 'Cells' }}
            value={isWide ? 'wide' : 'fit'}
            onChange={(value, at) => change({ cells: value === 'wide' ? 'wide' : '' }, 'zoom', at)}
          />
        </div>
      </div>
      {ordered.length === 0 ? (
        <p class="calm">No table matches “{find}”.</p>
      ) : (
        <HeatMap {...{ set, view, size, isWide }} root={route.root} order={ordered} />
      )}
    </section>
  );
}

/** A key of a table of options; anything else in the address is the first choice. */
function keyOf<Key extends string>(
  options: Readonly<Record<Key, unknown>>,
  text: string | null,
  fallback: Key,
): Key {
  return (Object.keys(options) as Key[]).find((key) => key === text) ?? fallback;
}
