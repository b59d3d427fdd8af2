import { StowageError } from '../../backup-set/base/errors.ts';
import type { Flags } from '../command.ts';
import { numberFrom } from '../flags.ts';
import { type TableName, tableNameFrom } from '../read-set/table-name.ts';
import { WAIT_SECONDS } from '../restore/command/flags.ts';
import { type SetName, setNameFrom } from '../set-name.ts';

/** How much of the set a drill restores. */
export type DrillScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'sample'; readonly tables: number }
  | { readonly kind: 'tables'; readonly names: readonly TableName[] };

export interface DrillOptions {
  readonly set: SetName;
  readonly scope: DrillScope;
  /** Servers that the drill makes, or those of another configuration file. */
  readonly target:
    | { readonly kind: 'throwaway'; readonly binDir: string | undefined }
    | { readonly kind: 'scratch'; readonly file: string };
  /** Whether the rows of the target are read back and compared with those of the set. */
  readonly compares: boolean;
  readonly waitMs: number;
}

export const SAMPLE_TABLES = 5;
const SAMPLE_MAX = 1000;

/** @throws StowageError `usage/flag` naming a flag that does not fit. */
export function drillOptions(flags: Flags, positional: readonly string[]): DrillOptions {
  return {
    set: setNameFrom(positional.length === 0 ? ['latest'] : positional),
    scope: scopeFrom(flags),
    target: targetFrom(flags),
    compares: flags['compare'] !== false,
    waitMs: numberFrom(flags, 'wait', WAIT_SECONDS) * 1000,
  };
}

function scopeFrom(flags: Flags): DrillScope {
  const given = ['all', 'sample', 'tables'].filter((name) => flags[name] !== undefined);
  if (given.length > 1)
    throw wrong(given[1] ?? '', `use only one of ${given.map((name) => `--${name}`).join(', ')}`);
  if (flags['all'] === true) return { kind: 'all' };
  const { tables } = flags;
  if (Array.isArray(tables))
    return { kind: 'tables', names: tables.map((text) => tableNameFrom(String(text), 'tables')) };
  const sample = numberFrom(flags, 'sample', SAMPLE_TABLES);
  if (sample < 1 || sample > SAMPLE_MAX)
    throw wrong('sample', `--sample takes a number of tables from 1 to ${SAMPLE_MAX}`);
  return { kind: 'sample', tables: sample };
}

function targetFrom({ into, throwaway, binDir }: Flags): DrillOptions['target'] {
  if ((into === undefined) === (throwaway !== true))
    throw wrong(
      'into',
      'say where the drill restores to: --throwaway makes a server on this host, --into FILE takes the servers of another configuration file. Use one of them',
    );
  if (into === undefined)
    return { kind: 'throwaway', binDir: binDir === undefined ? undefined : String(binDir) };
  if (binDir !== undefined) throw wrong('binDir', '--bin-dir goes with --throwaway');
  return { kind: 'scratch', file: String(into) };
}

const wrong = (field: string, message: string) =>
  new StowageError('usage/flag', message, { where: { field } });
