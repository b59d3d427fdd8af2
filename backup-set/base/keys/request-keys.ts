import { RestoreId } from '../timestamps.ts';

/** Restores that the console asked for: a folder per request. */
export const REQUESTS = 'requests/';

/** `run-start.json` decides which command takes a request; `run-end.json` says how it ended. */
const FILES = {
  'asked-restore': 'request',
  'asked-restore-start': 'run-start',
  'asked-restore-end': 'run-end',
} as const;

/** `restore`: the id that the restore gets. */
export interface RequestKey {
  readonly kind: keyof typeof FILES;
  readonly restore: string;
}

export function requestPrefix(restore: string): string {
  return `${REQUESTS}${restore}/`;
}

export function formatRequestKey({ kind, restore }: RequestKey): string {
  return `${requestPrefix(restore)}${FILES[kind]}.json`;
}

export function parseRequestKey(text: string): RequestKey | undefined {
  const [, restore = '', file] = /^requests\/([^/]+)\/([a-z-]+)\.json$/.exec(text) ?? [];
  const kind = KINDS.find((known) => FILES[known] === file);
  if (kind === undefined || !RestoreId.safeParse(restore).success) return undefined;
  return { kind, restore };
}

const KINDS = Object.keys(FILES) as RequestKey['kind'][];
