import { StowageError } from '../../backup-set/base/errors.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import { numberFrom } from '../flags.ts';
import { withArchives } from './archive.ts';
import { FOLDER_DEFAULT } from './install.ts';
import { checkHosts, type HostReport, installHosts } from './run.ts';
import { isGood, textOf } from './text.ts';

const AT_ONCE = 8;

export const hostsCommand: ClusterCommand = {
  usage: 'hosts <action>',
  summary: 'put the shipper onto every host of the cluster over ssh, or see what the hosts have',
  details: `check: prints architecture, glibc and version of each host. Changes nothing.
install: sends this program with its Node to each host that has another version, compares its SHA-256 there, starts it once, and then replaces the old version in one step. A host where a step fails keeps what it had.
Runs ssh as shippers.command has it. Writes into the home of that user; no root is needed.
Exits with 4 when a host is not ready.`,
  words: { action: ['check', 'install'] },
  flags: [
    [
      '--to <folder>',
      `folder on the hosts, absolute or below the home (default ${FOLDER_DEFAULT})`,
    ],
    ['--host <name>', 'only this host (repeatable)'],
    [
      '--bundle <file>',
      'install: archive for hosts of another architecture: stowage-VERSION-linux-ARCH.tar.gz (repeatable)',
    ],
    ['--at-once <number>', `hosts at the same time (default ${AT_ONCE})`],
  ],
  lists: ['--host <name>', '--bundle <file>'],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const options = {
      only: listOf(flags, 'host'),
      folder: folderFrom(flags['to']),
      atOnce: Math.max(1, numberFrom(flags, 'atOnce', AT_ONCE)),
    };
    const installs = positional[0] === 'install';
    const reports: readonly HostReport[] = installs
      ? await withArchives(listOf(flags, 'bundle'), (archives) =>
          installHosts(context, options, archives),
        )
      : await checkHosts(context, options);
    const { folder } = options;
    context.output.result({ hosts: reports, folder }, textOf(reports, folder, installs));
    return reports.every(isGood) ? 0 : 4;
  },
};

/** A shell does not expand `~` in quotes; the host would get a folder of that name. */
function folderFrom(to: unknown): string {
  if (typeof to !== 'string') return FOLDER_DEFAULT;
  const folder = to.replace(/^~\/+/, '').replace(/(?<=.)\/+$/, '');
  if (folder === '' || folder === '/' || folder.startsWith('~'))
    throw new StowageError(
      'usage/flag',
      `--to ${JSON.stringify(to)}: give a folder, absolute or below the home: /opt/stowage, lib/stowage`,
      { where: { field: 'to' } },
    );
  return folder;
}

function listOf(flags: Flags, name: string): string[] {
  const given = flags[name];
  return Array.isArray(given) ? given.map(String) : [];
}
