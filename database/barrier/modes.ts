/** PostgreSQL's table of conflicting lock modes, in the names of pg_locks. */
const CONFLICTS: Readonly<Record<string, readonly string[]>> = {
  AccessShareLock: ['AccessExclusiveLock'],
  RowShareLock: ['ExclusiveLock', 'AccessExclusiveLock'],
  RowExclusiveLock: ['ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'],
  ShareUpdateExclusiveLock: [
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ShareLock: [
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ShareRowExclusiveLock: [
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
  ExclusiveLock: [
    'RowShareLock',
    'RowExclusiveLock',
    'ShareUpdateExclusiveLock',
    'ShareLock',
    'ShareRowExclusiveLock',
    'ExclusiveLock',
    'AccessExclusiveLock',
  ],
};

const ALL_MODES = ['AccessShareLock', ...Object.keys(CONFLICTS).slice(1), 'AccessExclusiveLock'];

/** SQL for the array of modes that conflict with the mode in `awaited`, itself SQL. */
export function conflictingModes(awaited: string): string {
  const arrayOf = (modes: readonly string[]) => `ARRAY['${modes.join("', '")}']`;
  const cases = Object.entries(CONFLICTS).map(
    ([mode, others]) => `WHEN '${mode}' THEN ${arrayOf(others)}`,
  );
  return `CASE ${awaited} ${cases.join(' ')} ELSE ${arrayOf(ALL_MODES)} END`;
}
