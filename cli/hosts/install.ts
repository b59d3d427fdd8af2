import { randomUUID } from 'node:crypto';
import type { Archive } from './archive.ts';
import { SHIPPER } from './look.ts';
import { type HostShell, quoted, runOnHost } from './remote.ts';

/** The folder on a host: absolute, or below the home of the user. */
export const FOLDER_DEFAULT = '.local/lib/stowage';
const DIGEST_CHARS = 12;
/** Folders that this command has made: version, digest, id. */
const VERSIONS = `[0-9]*.[0-9]*-${'?'.repeat(DIGEST_CHARS)}-${'?'.repeat(8)}`;

/**
 * Replaces what a host has by the archive. The link `current` moves by one rename, after the digest
 * was compared and the program has started there; until then the host has what it had.
 * @throws StowageError `hosts/unreachable`, `hosts/install`
 */
export async function installOn(
  shell: HostShell,
  folder: string,
  { file, sha256, digest, bundle }: Archive,
): Promise<void> {
  const id = randomUUID().slice(0, 8);
  const build = `${bundle.version}-${digest.slice(0, DIGEST_CHARS)}`;
  const script = installScript({ folder, build, sha256, id });
  await runOnHost(shell, script, file);
}

interface Installation {
  readonly folder: string;
  readonly build: string;
  readonly sha256: string;
  /** Makes the name of the new folder one that no other installation has. */
  readonly id: string;
}

/**
 * Removes what it has made when a step fails or the connection ends. Older versions are removed,
 * except the last one: shippers and agents that run may be of it. So are folders of
 * the same build: an installation by another name of this host may be about to link one.
 */
function installScript({ folder, build, sha256, id }: Installation): string {
  const name = `${build}-${id}`;
  const [made, link] = [`.new-${id}`, `.link-${id}`];
  return [
    'set -e; export LC_ALL=C; umask 022; cd',
    `mkdir -p -- ${quoted(folder)}; cd -- ${quoted(folder)}`,
    // Of installations whose host lost its power.
    `find . -maxdepth 1 -name ".new-????????" -mtime +0 -exec rm -rf -- {} + 2>/dev/null || true`,
    `trap 'rm -rf -- ${made} ${link}' EXIT; trap 'exit 1' HUP INT TERM PIPE`.replaceAll("'", '"'),
    `mkdir ${made} ${made}/bundle; cat > ${made}/archive`,
    `sum=$(sha256sum < ${made}/archive)`,
    `test "\${sum%% *}" = ${sha256} || { echo "the archive arrived damaged" >&2; exit 1; }`,
    `gzip -dc ${made}/archive | tar -xf - -C ${made}/bundle; rm ${made}/archive`,
    `(cd ${made}/bundle; sha256sum -c SHA256SUMS >/dev/null; ./${SHIPPER} --version >/dev/null </dev/null)`,
    `old=$(readlink current || true); mv ${made}/bundle ${name}; ln -s ${name} ${link}; mv -T ${link} current`,
    `for each in ${VERSIONS}; do case $each in ${build}-* | "$old") ;; *) test ! -f "$each/bundle.json" || rm -rf -- "./$each" ;; esac; done`,
  ].join('; ');
}
