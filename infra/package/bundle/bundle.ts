import { createHash } from 'node:crypto';
import { chmod, copyFile, link, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Bundle } from '../../../cli/hosts/bundle.ts';
import { COORDINATOR_FLAGS, SHIPPER_FLAGS } from '../../../segment-shipper/protocol/node-flags.ts';
import { readExecutable } from '../node/elf.ts';
import type { NodeFiles } from '../node/fetch.ts';
import type { Architecture } from '../node/pinned.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** Command → the program that its launcher starts, and Node's flags for it. */
const COMMANDS = [
  { command: 'stowage', program: 'stowage.js', flags: COORDINATOR_FLAGS },
  { command: 'stowage-segment-shipper', program: 'segment-shipper.js', flags: SHIPPER_FLAGS },
] as const;
const PLUGIN = 'stowage-gpbackup-plugin';

/** The commands of a bundle, which packages link into /usr/bin. */
export const BUNDLE_COMMANDS = [...COMMANDS.map(({ command }) => command), PLUGIN];

const PROGRAMS = [
  'stowage.js',
  'stowage.main.js',
  'segment-shipper.js',
  'segment-shipper.main.js',
  'package.json',
];

/** The shebang of `npm run build` looks for a Node in PATH. */
const SHEBANG = /^#!.*/;
const STARTED = '// Started by the launcher in this folder.';

export interface BundleParts {
  readonly version: string;
  readonly architecture: Architecture;
  readonly node: NodeFiles & { readonly version: string };
  /** Where `npm run build` has put the programs. */
  readonly programs: string;
}

/**
 * Makes the folder that runs by itself: Node, the programs, a launcher for each, and what it is.
 * @throws Error when Node's file is of another architecture, or incomplete.
 */
export async function makeBundle(
  folder: string,
  { version, architecture, node, programs }: BundleParts,
): Promise<Bundle> {
  const executable = readExecutable(await readFile(node.executable));
  if (executable.architecture !== architecture)
    throw new Error(`${node.executable} is for ${executable.architecture}, not ${architecture}`);
  await mkdir(folder, { recursive: true });
  await place(node.executable, path.join(folder, 'node'), 0o755);
  await place(node.license, path.join(folder, 'LICENSE.node'), 0o644);
  await place(path.join(ROOT, 'LICENSE'), path.join(folder, 'LICENSE'), 0o644);
  for (const name of PROGRAMS) {
    const text = await readFile(path.join(programs, name), 'utf8');
    await writeFile(path.join(folder, name), text.replace(SHEBANG, STARTED));
  }
  await copied(path.join(programs, PLUGIN), path.join(folder, PLUGIN), 0o755);
  for (const { command, program, flags } of COMMANDS) {
    await writeFile(path.join(folder, command), launcher(program, flags));
    await chmod(path.join(folder, command), 0o755);
  }
  const bundle: Bundle = {
    version,
    platform: `linux-${architecture}`,
    node: node.version,
    glibc: executable.needs.get('GLIBC') ?? '',
  };
  await writeFile(path.join(folder, 'bundle.json'), `${JSON.stringify(bundle, null, 2)}\n`);
  await writeDigests(folder);
  return bundle;
}

/** /usr/bin/stowage is a link: `readlink` finds the folder with Node. */
function launcher(program: string, flags: readonly string[]): string {
  return [
    '#!/bin/sh',
    'file=$(readlink -f -- "$0") || exit 127',
    `exec "\${file%/*}/node" ${flags.join(' ')} "\${file%/*}/${program}" "$@"`,
    '',
  ].join('\n');
}

/** SHA256SUMS, for `sha256sum -c` on a host. */
async function writeDigests(folder: string): Promise<void> {
  const names = ['node', ...PROGRAMS, ...BUNDLE_COMMANDS, 'LICENSE', 'LICENSE.node', 'bundle.json'];
  const lines = await Promise.all(
    names.toSorted().map(async (name) => {
      const bytes = await readFile(path.join(folder, name));
      return `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`;
    }),
  );
  await writeFile(path.join(folder, 'SHA256SUMS'), lines.join(''));
}

/** A hard link where the file system allows it: Node has 126 MB. */
async function place(from: string, to: string, mode: number): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
  await chmod(to, mode);
}

async function copied(from: string, to: string, mode: number): Promise<void> {
  await copyFile(from, to);
  await chmod(to, mode);
}
