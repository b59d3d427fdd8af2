import { useEffect, useState } from 'preact/hooks';

/** The address behind `#`: `#/0/set/20260131120000?measure=bytes`. */
export interface Route {
  readonly root: number;
  readonly page: string;
  /** Further parts of the path. */
  readonly rest: readonly string[];
  readonly query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [root = '0', page = 'overview', ...rest] = path.split('/').map(decoded);
  const number = Number(root);
  return {
    root: Number.isSafeInteger(number) && number >= 0 ? number : 0,
    page: page === '' ? 'overview' : page,
    rest,
    query: new URLSearchParams(query),
  };
}

export function addressOf(
  root: number,
  path: readonly string[],
  query: Readonly<Record<string, string>> = {},
): string {
  const text = new URLSearchParams(query).toString();
  const parts = [String(root), ...path].map(encodeURIComponent);
  return `#/${parts.join('/')}${text === '' ? '' : `?${text}`}`;
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const change = () => setHash(location.hash);
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return parseRoute(hash);
}

/** Changes the address without a new entry in the history. */
export function replaceQuery(route: Route, changes: Readonly<Record<string, string>>): void {
  const query = Object.fromEntries([...route.query, ...Object.entries(changes)]);
  const kept = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''));
  location.replace(addressOf(route.root, [route.page, ...route.rest], kept));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
