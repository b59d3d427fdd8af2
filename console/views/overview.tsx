import { useMemo, useState } from 'preact/hooks';
import type { Attention, ConsoleSet, Overview } from '../../functions/serve/console/api.ts';
import { age, bytes, count, instantOf, localTime, plural } from '../base/format.ts';
import { measured } from '../base/measure.ts';
import { addressOf, type Route, replaceQuery } from '../base/route.ts';
import { Chip, Figure, stateOf } from '../parts/pieces.tsx';
import { RootCommand } from '../parts/shown-root.tsx';
import { RequestsSection } from './requests.tsx';
import { SetsTable } from './sets-table.tsx';
import { TimeLine } from './time-line.tsx';

const ATTENTION_SHOWN = 5;
const MONTH_MS = 30 * 24 * 3600_000;

interface PageProps {
  readonly route: Route;
  readonly overview: Overview;
}

/** What needs attention first, then all sets. */
export function OverviewPage({ route, overview }: PageProps) {
  const { sets, now } = overview;
  const filter = filterOf(route);
  const shown = useMemo(
    () => sets.filter((set) => matches(set, filter)),
    [sets, route.query.toString()],
  );
  return (
    <div class="page">
      <h1 class="sr">Overview</h1>
      <Figures overview={overview} />
      <AttentionList overview={overview} route={route} />
      {route.root === 0 && <RequestsSection isWaitingOnly />}
      <section aria-labelledby="sets">
        <div class="sectionhead">
          <h2 id="sets">Sets</h2>
          <span class="muted">
            {shown.length === sets.length
              ? count(sets.length)
              : `${count(shown.length)} of ${count(sets.length)}`}
            {overview.reading > 0 && ` · reading ${count(overview.reading)} more`}
            {overview.setsLeftOut > 0 && ` · ${count(overview.setsLeftOut)} older ones not shown`}
          </span>
          <Filters route={route} sets={sets} />
        </div>
        <TimeLine sets={shown} now={Date.parse(now)} root={route.root} />
        {sets.length === 0 && overview.reading === 0 ? (
          <p class="calm">There are no sets under {overview.root.url}.</p>
        ) : (
          <SetsTable sets={shown} now={Date.parse(now)} root={route.root} />
        )}
      </section>
    </div>
  );
}

function Figures({ overview: { sets, now, attention, root } }: { readonly overview: Overview }) {
  const at = Date.parse(now);
  const living = sets.filter(({ expiredSince }) => expiredSince === undefined);
  const newest = living.find(({ state }) => state === 'complete');
  const verified = living.find(
    ({ verifiedAt, state }) => state === 'complete' && verifiedAt !== undefined,
  );
  const recent = sets.filter(
    ({ timestamp, newBytes }) => newBytes !== undefined && at - instantOf(timestamp) < MONTH_MS,
  );
  const added = recent.reduce((sum, { newBytes = 0 }) => sum + newBytes, 0);
  const urgent = attention.filter(({ severity }) => severity !== 'notice').length;
  return (
    <dl class="figures">
      <Figure label="Newest complete set" note={newest?.timestamp ?? root.url}>
        {newest === undefined ? 'none' : `${age(at - instantOf(newest.timestamp))} ago`}
      </Figure>
      <Figure
        label="Newest verified set"
        note={
          verified === undefined
            ? 'every byte read again'
            : `${verified.timestamp}${verified.verifiedKeyless ? ', checksums only' : ''}`
        }
      >
        {verified === undefined ? 'none' : `${age(at - instantOf(verified.timestamp))} ago`}
      </Figure>
      <Figure label="Newest set uses" note={newest && `${bytes(newest.bytes)} of rows`}>
        {bytes(newest?.storedBytes)}
      </Figure>
      <Figure label="Added in 30 days" note={plural(recent.length, 'set')}>
        {bytes(added)}
      </Figure>
      <Figure
        label="Needs attention"
        note={attention.length > urgent ? plural(attention.length - urgent, 'notice') : undefined}
      >
        <span class={urgent > 0 ? 'bad' : 'good'}>{urgent === 0 ? 'nothing' : count(urgent)}</span>
      </Figure>
    </dl>
  );
}

function AttentionList({ overview: { attention, reading }, route }: PageProps) {
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? attention : attention.slice(0, ATTENTION_SHOWN);
  return (
    <section aria-labelledby="attention">
      <div class="sectionhead">
        <h2 id="attention">Needs attention</h2>
        {attention.length > ATTENTION_SHOWN && (
          <button type="button" class="quiet" onClick={() => setShowsAll(!showsAll)}>
            {showsAll ? 'Show fewer' : `Show all ${attention.length}`}
          </button>
        )}
      </div>
      {attention.length === 0 && (
        <p class="calm">{reading > 0 ? 'Nothing so far.' : 'Nothing needs attention.'}</p>
      )}
      <ul class="attention">
        {shown.map((item) => (
          <AttentionRow
            key={`${item.kind} ${item.set} ${item.restore} ${item.detail}`}
            item={item}
            route={route}
          />
        ))}
      </ul>
    </section>
  );
}

function AttentionRow({ item, route }: { readonly item: Attention; readonly route: Route }) {
  const { severity, title, detail, command, set, restore } = item;
  const href =
    restore !== undefined
      ? addressOf(route.root, ['running', 'restore', restore])
      : addressOf(route.root, ['set', set ?? '']);
  return (
    <li class={severity}>
      <Chip state={severity} />
      <div class="what">
        <a href={href}>{title}</a>
        <span class="detail">{detail}</span>
      </div>
      <RootCommand line={command} />
    </li>
  );
}

interface Filter {
  readonly text: string;
  readonly state: string;
  readonly database: string;
}

const filterOf = ({ query }: Route): Filter => ({
  text: query.get('find') ?? '',
  state: query.get('state') ?? '',
  database: query.get('database') ?? '',
});

function matches(set: ConsoleSet, { text, state, database }: Filter): boolean {
  if (state !== '' && stateOf(set) !== state) return false;
  if (database !== '' && set.database !== database) return false;
  if (text === '') return true;
  const words = [
    set.timestamp,
    localTime(set.startedAt),
    set.database,
    set.cluster,
    set.group,
    set.held,
    set.source,
    ...set.tags,
  ];
  return words.some((word) => word?.toLowerCase().includes(text.toLowerCase()));
}

function Filters({ route, sets }: { readonly route: Route; readonly sets: readonly ConsoleSet[] }) {
  const { text, state, database } = filterOf(route);
  const change = (changes: Readonly<Record<string, string>>, at: number) => {
    replaceQuery(route, changes);
    measured('filter', at);
  };
  const databases = [...new Set(sets.map((set) => set.database))].toSorted();
  const states = [...new Set(sets.map(stateOf))].toSorted();
  return (
    <div class="filters">
      <input
        type="search"
        placeholder="Find a date, tag, database"
        aria-label="Find sets"
        value={text}
        onInput={(event) => change({ find: event.currentTarget.value }, event.timeStamp)}
      />
      <select
        aria-label="State"
        value={state}
        onChange={(event) => change({ state: event.currentTarget.value }, event.timeStamp)}
      >
        <option value="">All states</option>
        {states.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      {databases.length > 1 && (
        <select
          aria-label="Database"
          value={database}
          onChange={(event) => change({ database: event.currentTarget.value }, event.timeStamp)}
        >
          <option value="">All databases</option>
          {databases.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </div>
  );
}
