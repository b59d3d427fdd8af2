import type { Hono } from 'hono';
import { weighed } from '../../../async/each-in-flight.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Deps } from '../../deps.ts';
import { consoleApp } from './http/app.ts';
import { type PageFiles, pageFiles } from './http/page-files.ts';
import { viewRoot } from './sets/root-view.ts';

/** Manifests and their parts that all pages together hold at once: megabytes each. */
const HEAVY_READS_MAX = 4;

/** A root that the console shows. */
export interface ShownRoot {
  readonly name: string;
  readonly store: ObjectStore;
  /** Its server, where it is not that of the configuration. */
  readonly endpoint?: string | undefined;
}

/** The console of these roots, to be mounted at /console. Until a request it reads nothing. */
export function openConsole(deps: Deps, roots: readonly ShownRoot[]): Hono {
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
  return consoleApp(views, files, deps.log);
}
