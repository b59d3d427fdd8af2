import type { RestoreChoice } from '../../backup-set/documents/restore/asked.ts';

/** Where requests may restore to, as an operator has configured it. */
export interface RequestTarget {
  readonly name: string;
  /** Absent = any database. */
  readonly databases?: readonly string[];
  readonly modes: readonly RestoreChoice['mode'][];
  /** `serve`: the server of the console carries requests out; else an operator does. */
  readonly run: 'operator' | 'serve';
}

/**
 * Why a request does not fit the targets; undefined when it does.
 * @param database of the set.
 */
export function targetProblem(
  choice: Pick<RestoreChoice, 'target' | 'mode' | 'database' | 'flags'>,
  targets: readonly RequestTarget[],
  database: string,
): string | undefined {
  const { target: name, mode, flags } = choice;
  const target = targets.find((one) => one.name === name);
  if (target === undefined)
    return `requests.targets has no ${name}: it has ${targets.map((one) => one.name).join(', ')}`;
  const wanted = choice.database ?? database;
  if (target.databases !== undefined && !target.databases.includes(wanted))
    return `target ${name} takes ${target.databases.join(', ')}, not database ${wanted}`;
  if (!target.modes.includes(mode))
    return `target ${name} takes ${target.modes.join(', ')}, not ${mode}`;
  if (target.run === 'serve' && flags.includes('--globals'))
    return `target ${name} is restored without an operator, who alone may restore roles (--globals)`;
  return undefined;
}
