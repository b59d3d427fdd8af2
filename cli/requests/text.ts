import { count, plural } from '../../backup-set/base/words.ts';
import type { AskedRestore } from '../../backup-set/documents/restore/asked.ts';
import { shellWord } from '../../backup-set/messages/shell-word.ts';
import type { RequestSummary, ShownState } from '../../functions/requests/requests.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { localTime } from '../output/format.ts';
import type { Tone } from '../output/table/palette.ts';
import { requestWords } from './words.ts';

/** What a request asks for, for an operator who decides. `by` is a claim of the browser. */
export function requestLines(asked: AskedRestore, line: string | undefined): string[] {
  const { id, by, requestedAt, expiresAt, timestamp, target, database, mode, tables } = asked;
  const names = tables.slice(0, TABLES_SHOWN).map(({ schema, name }) => `${schema}.${name}`);
  const more = tables.length - names.length;
  return [
    `request ${id}: set ${timestamp} into target ${target}${database === undefined ? '' : `, database ${database}`} (${mode})`,
    `asked for at ${localTime(new Date(requestedAt))} by ${by}, valid until ${localTime(new Date(expiresAt))}`,
    tables.length === 0
      ? 'all tables'
      : `${plural(tables.length, 'table')}: ${names.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`,
    ...(line === undefined ? [] : [`as a command line: ${line}`]),
  ];
}

const TABLES_SHOWN = 8;

const AGAIN = 'ask again in the console, or run the command line above';

/** What became of a request whose restore has not begun, and what to do. */
export function nextLines(
  found: Omit<RequestSummary, 'state'> & { readonly state: ShownState },
  identity: string,
): string[] {
  const { id, state, asked, start, end } = found;
  const began = start === undefined ? [] : [`taken at ${start.startedAt} by ${start.by}`];
  const why = end?.message === undefined ? '' : `: ${end.message} (${end.code ?? 'no code'})`;
  switch (state) {
    case 'waiting':
      return [`waiting: \`stowage restore --request ${id} --yes${identity}\` carries it out`];
    case 'expired':
      return [`expired at ${asked?.expiresAt ?? '?'}: ask again in the console`];
    case 'started':
      return [
        ...began,
        `its restore has not begun: \`stowage show ${id}\` prints it then. 10 minutes after it was taken the request counts as lost`,
      ];
    case 'lost':
      return [
        ...began,
        'lost: its command died before the restore began, so the target was not changed',
        AGAIN,
      ];
    case 'forged':
      return [
        'FORGED: its proof does not fit requests.tokenFile. No `stowage serve` with this token wrote it, or it was changed. Do not carry it out, and find out which program writes below requests/',
      ];
    case 'unproven':
      return [
        'UNPROVEN: the proof of its run-start.json or run-end.json does not fit requests.tokenFile, so no command with this token wrote it. It is not carried out. Look at the target, ask again in the console, and find out which program writes below requests/',
      ];
    case 'restored':
      return [...began, `restored at ${end?.endedAt ?? '?'}`];
    case 'failed':
      return [
        ...began,
        `failed before its restore began, so the target was not changed${why}`,
        AGAIN,
      ];
    case 'refused':
      return [...began, `refused, the target was not changed${why}`, AGAIN];
    case 'unreadable':
      return [];
  }
}

/**
 * The --config flag of the target of a request, which a command that continues its restore needs;
 * begins with a blank.
 */
export function placeWords({ config }: Pick<ClusterContext, 'config'>, asked?: AskedRestore) {
  const file = ownFile(config, asked);
  return file === undefined ? '' : ` ${shellWord(`--config=${file}`)}`;
}

/** The words of the restore: where the target has a file of its own, its root is this one. */
export function wordsOf(
  { config }: Pick<ClusterContext, 'config'>,
  store: Pick<ObjectStore, 'url'>,
  asked: AskedRestore,
): string[] {
  const place = { root: store.url, endpoint: config.storage.endpoint };
  return requestWords(asked, { config: ownFile(config, asked), ...place });
}

/** The command line that does the same. */
export function commandLineOf(...place: Parameters<typeof wordsOf>): string {
  return ['stowage', ...wordsOf(...place)].map(shellWord).join(' ');
}

/** The configuration file of the target that a request names. */
function ownFile({ requests }: ClusterContext['config'], asked?: AskedRestore) {
  return requests?.targets.find(({ name }) => name === asked?.target)?.config;
}

export const TONES: Readonly<Record<ShownState, Tone>> = {
  waiting: 'warn',
  expired: 'warn',
  started: 'warn',
  restored: 'good',
  failed: 'bad',
  refused: 'bad',
  lost: 'bad',
  unreadable: 'bad',
  forged: 'bad',
  unproven: 'bad',
};
