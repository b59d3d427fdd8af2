import type { Hono } from 'hono';
import type { Logger } from 'pino';
import { weighed } from '../../../async/each-in-flight.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Deps } from '../../deps.ts';
import { consoleApp } from './http/app.ts';
import { type PageFiles, pageFiles } from './http/page-files.ts';
import { type RequestSettings, requestDesk } from './requests/desk.ts';
import { viewRoot } from './sets/root-view.ts';
import { rememberSmallReads } from './sets/small-reads.ts';

/** Manifests and their parts that all pages together hold at once: megabytes each. */
const HEAVY_READS_MAX = 4;

/** A root that the console shows. */
export interface ShownRoot {
  readonly name: string;
  readonly store: ObjectStore;
  /** Its server, where it is not that of the configuration. */
  readonly endpoint?: string | undefined;
}

export interface ConsoleOptions {
  readonly roots: readonly ShownRoot[];
  /** Whether and where the page can ask for restores; absent = it cannot. */
  readonly requests?: RequestSettings | undefined;
  /** Lines for an operator. */
  readonly log: Logger;
}

/** The console of these roots, to be mounted at /console. Until a request it reads nothing. */
export function openConsole(deps: Deps, { roots, requests, log }: ConsoleOptions): Hono {
  const heavy = weighed(HEAVY_READS_MAX);
  const views = roots.map(({ name, store, endpoint }, id) =>
    viewRoot(
      { ...deps, store },
      { id, name, url: store.url, ...(endpoint !== undefined && { endpoint }) },
      heavy,
    ),
  );
  let page: Promise<PageFiles> | undefined;
  const files = () => {
    page ??= pageFiles().catch((error: unknown) => {
      page = undefined;
      throw error;
    });
    return page;
  };
  const [[view, own] = []] = views.map((one, at) => [one, roots[at]] as const);
  const desk =
    requests &&
    view &&
    own &&
    requestDesk({ ...deps, store: rememberSmallReads(own.store) }, view, requests, log);
  return consoleApp(views, files, { log: deps.log, desk });
}
