import type { ClusterCommand } from '../command.ts';
import { ACCEPT_PLAIN_FLAG, IDENTITY_FLAG, SELECTION_FLAGS, SELECTION_LISTS } from '../flags.ts';
import { SET_DETAILS } from '../set-name.ts';
import { dumpOptionsFrom } from './options.ts';
import { runDump } from './run.ts';

export const dumpCommand: ClusterCommand = {
  usage: 'dump <set>',
  summary: 'write a set, or chosen tables of it, as one SQL script for psql',
  details: `${SET_DETAILS}
The script is one transaction: run it with psql in a new database. Its last line begins with "-- stowage dump complete". A script without it is cut off, and commits nothing (--no-transaction: drop the database).
Roles and tablespaces are not part of it, unless --globals is given. Needs pg_restore on this host.
Examples:
  stowage dump latest | psql -d copy
  stowage dump 20260131120000 --include-schema sales --out sales.sql
  stowage dump latest --plain-postgres --no-owner --no-acl | psql -d copy`,
  flags: [
    ...SELECTION_FLAGS,
    ACCEPT_PLAIN_FLAG,
    ['--plain-postgres', 'leave out what only Greenplum knows, and list what was changed'],
    ['--schema-only', 'only the definitions'],
    ['--data-only', 'only rows, sequences and large objects'],
    ['--globals', 'begin with roles and tablespaces; those that exist already are errors'],
    ['--no-owner', 'the role that runs the script owns all objects'],
    ['--no-acl', 'no GRANT and no REVOKE'],
    ['--large-objects', 'also with a selection: all large objects'],
    ['--content <number>', 'the database of this shard'],
    ['--no-transaction', 'not one transaction: for thousands of tables, each of which is locked'],
    ['--allow-missing', 'write the script also when chosen objects cannot be made'],
    ['--out <file>', 'write this file (default: standard output)'],
    ['--overwrite', 'replace the file, if it exists'],
    IDENTITY_FLAG,
  ],
  lists: [...SELECTION_LISTS, IDENTITY_FLAG[0]],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    return runDump(context, dumpOptionsFrom(flags, positional));
  },
};
