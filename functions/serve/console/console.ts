import type { Hono } from 'hono';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Deps } from '../../deps.ts';
import { consoleApp } from './http/app.ts';
import { type PageFiles, pageFiles } from './http/page-files.ts';
import { viewRoot } from './sets/root-view.ts';

/** A root that the console shows. */
export interface ShownRoot {
  readonly name: string;
  readonly store: ObjectStore;
}

/** The console of these roots, to be mounted at /console. Until a request it reads nothing. */
export function openConsole(deps: Deps, roots: readonly ShownRoot[]): Hono {
  const views = roots.map(({ name, store }, id) =>
    viewRoot({ ...deps, store }, { id, name, url: store.url }),
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
