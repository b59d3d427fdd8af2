import type { ClusterCommand } from '../command.ts';
import { WAIT_SECONDS, wrongFlag } from './adopt-set.ts';
import { adoptGpbackup } from './gpbackup/adopt.ts';
import { adoptGpcrondump } from './gpcrondump/adopt.ts';
import { IDLE_SECONDS } from './gpcrondump/stream/adopt.ts';
import { adoptPgDump } from './pgdump/adopt.ts';

/** A file per tool: `<tool>/adopt.ts`. */
const TOOLS: Readonly<Record<string, ClusterCommand['run']>> = {
  gpbackup: adoptGpbackup,
  gpcrondump: adoptGpcrondump,
  pg_dump: adoptPgDump,
};
const NAMES = Object.keys(TOOLS).join(', ');

export const adoptCommand: ClusterCommand = {
  usage: 'adopt <tool> <places...>',
  summary: `convert a set that another tool made (${NAMES}) into a set of ours`,
  details: `<tool> is one of: ${NAMES}. <places> are the folders of its coordinator and of all segments, in this file system, as HOST:/folder, or as s3://bucket/prefix; their sub-folders are searched, too. Of pg_dump: one file or directory there, or - for standard input, in any format of pg_dump, or a script of pg_dumpall.
The set is read twice: first to judge it, then to convert it. Standard input is read once: what is not sound makes the set incomplete. An unsound set is refused with file and reason, also one that its tool calls successful. docs/migrating.md has every step.`,
  flags: [
    [
      '--timestamp <digits>',
      'which set: its YYYYMMDDHHMMSS, as the tool names it (pg_dump: the key of the set, required for scripts)',
    ],
    ['--prefix <text>', 'the --prefix of gpcrondump, when sets with several have this timestamp'],
    [
      '--distributed-by <file>',
      'pg_dump, for Greenplum: how tables are distributed, one a line: schema.table DISTRIBUTED BY (column)',
    ],
    [
      '--distributed-by-rule <rule>',
      'pg_dump, for Greenplum: for all other tables primary-key (default), first-column or random',
    ],
    [
      '--stream',
      'gpcrondump: make the FIFOs of its list of pipes, and store what a running gpcrondump writes into them. <places> is the folder of the lists',
    ],
    [
      '--run <command>',
      '--stream: start gpcrondump by this shell command when the FIFOs are ready; without it, start it yourself',
    ],
    [
      '--idle <seconds>',
      `--stream: how long gpcrondump may write nothing (default ${IDLE_SECONDS})`,
    ],
    ['--partial', 'take the tables that are sound, and mark the set as incomplete'],
    [
      '--wait <seconds>',
      `with events: how long to wait for the functions (default ${WAIT_SECONDS})`,
    ],
  ],
  cluster: () => ({}),
  run(invocation) {
    const tool = invocation.positional[0] ?? '';
    const adopt = Object.hasOwn(TOOLS, tool) ? TOOLS[tool] : undefined;
    if (adopt === undefined)
      throw wrongFlag(
        'tool',
        `${JSON.stringify(tool)} is not a tool whose sets can be adopted: use ${NAMES}`,
      );
    return adopt(invocation);
  },
};
