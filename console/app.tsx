import { useEffect, useState } from 'preact/hooks';
import type { ConsoleRoot, Overview } from '../functions/serve/console/api.ts';
import { apiAddress, useApi } from './base/api.ts';
import { localTime } from './base/format.ts';
import { addressOf, type Route, useRoute } from './base/route.ts';
import { Keys } from './parts/keys.tsx';
import { FailureBox } from './parts/pieces.tsx';
import { ShownRoot } from './parts/shown-root.tsx';
import { OverviewPage } from './views/overview.tsx';
import { RestorePage } from './views/restore.tsx';
import { RunningPage } from './views/running.tsx';
import { SetPage } from './views/set.tsx';
import { TablesPage } from './views/tables.tsx';

const PAGES = [
  { key: 'o', page: 'overview', title: 'Overview' },
  { key: 'u', page: 'running', title: 'Running' },
  { key: 't', page: 'tables', title: 'Tables' },
  { key: 'r', page: 'restore', title: 'Restore' },
] as const;

/** While sets are still being read, the next answer has more. */
const pollOf = (overview: Overview | undefined) =>
  overview === undefined || overview.reading > 0 ? 1_000 : 10_000;

export function App() {
  const route = useRoute();
  const roots = useApi<ConsoleRoot[]>('api/roots', (known) =>
    known === undefined ? 5_000 : undefined,
  );
  const overview = useApi<Overview>(apiAddress(route.root, 'overview'), pollOf);
  const [showsKeys, setShowsKeys] = useState(false);
  useKeys(route, () => setShowsKeys((shown) => !shown));
  const known = overview.value;
  return (
    <>
      <button type="button" class="skip" onClick={focusMain}>
        Skip to the content
      </button>
      <header class="top">
        <a class="brand" href={addressOf(route.root, ['overview'])}>
          <span class="mark" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          Stowage
        </a>
        <RootChoice roots={roots.value ?? []} route={route} />
        <nav aria-label="Pages">
          {PAGES.map(({ page, title }) => (
            <a
              key={page}
              href={addressOf(route.root, [page])}
              aria-current={isUnder(route.page, page) ? 'page' : undefined}
            >
              {title}
            </a>
          ))}
        </nav>
        <span
          class="asof"
          title="When all sets were last looked at, in the time zone of this browser"
        >
          {known === undefined ? '' : `as of ${localTime(known.asOf ?? known.now)}`}
        </span>
        <button type="button" class="quiet" onClick={() => setShowsKeys(true)}>
          Keys <kbd>?</kbd>
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        {overview.failure && <FailureBox failure={overview.failure} what={known?.root.url} />}
        {known === undefined && overview.failure === undefined && (
          <p class="loading" role="status">
            Reading the list of sets…
          </p>
        )}
        {known && (
          <ShownRoot.Provider value={known.root}>
            <Page route={route} overview={known} />
          </ShownRoot.Provider>
        )}
      </main>
      {showsKeys && <Keys pages={PAGES} onClose={() => setShowsKeys(false)} />}
    </>
  );
}

function Page({ route, overview }: { readonly route: Route; readonly overview: Overview }) {
  const [first = '', second = ''] = route.rest;
  switch (route.page) {
    case 'set':
      return <SetPage route={route} overview={overview} timestamp={first} key={first} />;
    case 'running':
      return <RunningPage route={route} overview={overview} kind={first} id={second} />;
    case 'tables':
      return <TablesPage route={route} overview={overview} />;
    case 'restore':
      return <RestorePage route={route} overview={overview} />;
    default:
      return <OverviewPage route={route} overview={overview} />;
  }
}

/** The page of one set belongs to the overview. */
const isUnder = (page: string, of: string) => page === of || (page === 'set' && of === 'overview');

function RootChoice({
  roots,
  route,
}: {
  readonly roots: readonly ConsoleRoot[];
  readonly route: Route;
}) {
  const own = roots[route.root];
  if (roots.length < 2) return <span class="rootname">{own?.name ?? ''}</span>;
  return (
    <select
      aria-label="Root"
      value={String(route.root)}
      onChange={({ currentTarget }) => {
        location.hash = addressOf(Number(currentTarget.value), ['overview']);
      }}
    >
      {roots.map(({ id, name }) => (
        <option key={id} value={String(id)}>
          {name}
        </option>
      ))}
    </select>
  );
}

function focusMain(): void {
  document.getElementById('main')?.focus();
}

/** One letter per page, when no field has the focus. */
function useKeys(route: Route, toggleKeys: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const { target, key } = event;
      const isField = target instanceof Element && target.matches('input, select, textarea');
      if (isField || event.ctrlKey || event.metaKey || event.altKey) return;
      if (key === '?') toggleKeys();
      const page = PAGES.find((candidate) => candidate.key === key);
      if (page !== undefined) location.hash = addressOf(route.root, [page.page]);
      if (key === '/') {
        const search = document.querySelector<HTMLInputElement>('input[type=search]');
        if (search === null) return;
        event.preventDefault();
        search.focus();
        search.select();
      }
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [route.root]);
}
