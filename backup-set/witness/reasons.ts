/** Why a relation is read although the set has a base. The texts are for the operator. */
export const REASONS = {
  full: 'the backup reads everything',
  'not-in-base': 'the base does not have the table',
  'base-without-witness': 'the base has no witness of the table',
  'no-witness': 'the server gives no witness',
  unlogged: 'the table is unlogged',
  condition: 'an extension chooses its rows',
  'access-method': 'the table has another access method than heap',
  tablespace: 'the table is in a tablespace, the clock of which is not known',
  'type-unknown': 'a column has a type whose output depends on more than the page',
  'server-changed': 'another server or database',
  'timeline-changed': 'the server has another timeline: failover or recovery',
  'history-unknown': 'WAL summaries since the base are missing',
  'kind-changed': 'the base has a witness of another kind',
  replaced: 'another table has the name',
  rewritten: 'the table was rewritten or truncated',
  'shape-changed': 'columns, types, the server version or settings changed',
  changed: 'its pages changed',
  'changed-recently': 'its files changed shortly before the base',
  'state-older': 'the server has an older state than at the base',
  'reread-due': 'backup.rereadAfter has passed',
} as const;
export type Reason = keyof typeof REASONS;
