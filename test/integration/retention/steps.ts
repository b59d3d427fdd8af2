import type { ObjectStore } from '../../../storage/store.ts';

/** A call of a store: the methods that a program needs for expiry, and their first argument. */
export type OnCall = (method: string, argument: string) => Promise<void>;

/** The same store, which calls `before` before each call of it. */
export function stepped(store: ObjectStore, before: OnCall): ObjectStore {
  const first = (argument: unknown) =>
    Array.isArray(argument) ? argument.join() : String(argument);
  return {
    ...store,
    async create(key, ...rest) {
      await before('create', key);
      return store.create(key, ...rest);
    },
    async read(key, ...rest) {
      await before('read', key);
      return store.read(key, ...rest);
    },
    async head(key, ...rest) {
      await before('head', key);
      return store.head(key, ...rest);
    },
    async *list(prefix, ...rest) {
      await before('list', prefix);
      yield* store.list(prefix, ...rest);
    },
    async *listPrefixes(prefix, ...rest) {
      await before('listPrefixes', prefix);
      yield* store.listPrefixes(prefix, ...rest);
    },
    async delete(keys, ...rest) {
      await before('delete', first(keys));
      return store.delete(keys, ...rest);
    },
    async copyFrom(from, key, ...rest) {
      await before('copyFrom', key);
      return store.copyFrom(from, key, ...rest);
    },
  };
}

/** Calls that change the store, and the lists that expiry decides by. */
export const DECIDING = (method: string, argument: string) =>
  method === 'create' ||
  method === 'delete' ||
  (method === 'list' && /retention|restores|tasks/.test(argument)) ||
  method === 'listPrefixes';
