import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Bundle } from '../../../cli/hosts/bundle.ts';
import { CONFIGURATION, compressed } from '../files/tree.ts';
import { run } from '../node/fetch.ts';
import { AFTER_INSTALL, BEFORE_REMOVAL, CREATE_USER, DESCRIPTION, MAINTAINER } from './scripts.ts';
import { packageVersion } from './version.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = {
  'linux-x64': 'amd64',
  'linux-arm64': 'arm64',
};

export interface PackageOptions {
  readonly out: string;
  readonly bundle: Bundle;
  /** `none` for tests: Node has 126 MB. */
  readonly compression: 'gzip' | 'none';
  readonly day: Date;
}

/** Node is the binary of its project: built on an old system, not stripped, with its libraries. */
const OVERRIDES = `# The binary of the Node project, unchanged.
stowage: unstripped-binary-or-object [usr/lib/stowage/node]
stowage: embedded-library zlib [usr/lib/stowage/node]
stowage: hardening-no-pie [usr/lib/stowage/node]
# It may name hosts and users.
stowage: non-standard-file-perm 0640 != 0644 [etc/stowage/stowage.yaml]
`;

/** Makes `stowage_VERSION_ARCH.deb` of a tree. @returns its path. */
export async function makeDeb(tree: string, options: PackageOptions): Promise<string> {
  const { out, bundle, compression, day } = options;
  const architecture = ARCHITECTURES[bundle.platform] ?? '';
  const shared = path.join(tree, 'usr/share');
  const changes = `stowage (${packageVersion(bundle)}) stable; urgency=medium\n\n  * See NEWS.md.gz.\n\n -- ${MAINTAINER}  ${day.toUTCString().replace('GMT', '+0000')}\n`;
  await writeFile(path.join(shared, 'doc/stowage/changelog.gz'), compressed(changes));
  await mkdir(path.join(shared, 'lintian/overrides'), { recursive: true });
  await writeFile(path.join(shared, 'lintian/overrides/stowage'), OVERRIDES);
  const control = path.join(tree, 'DEBIAN');
  await mkdir(control);
  const files = (await readdir(tree, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile() && !entry.parentPath.startsWith(control),
  );
  const sums: string[] = [];
  let bytes = 0;
  for (const { parentPath, name } of files) {
    const content = await readFile(path.join(parentPath, name));
    bytes += content.length;
    const file = path.relative(tree, path.join(parentPath, name));
    sums.push(`${createHash('md5').update(content).digest('hex')}  ${file}\n`);
  }
  await writeFile(path.join(control, 'md5sums'), sums.toSorted().join(''));
  await writeFile(path.join(control, 'control'), controlText(bundle, architecture, bytes));
  await writeFile(
    path.join(control, 'conffiles'),
    CONFIGURATION.map((each) => `${each}\n`).join(''),
  );
  await script(
    path.join(control, 'postinst'),
    `[ "$1" = configure ] || exit 0
${CREATE_USER}# At the first installation only: later the operator's group stays, and the file may be gone.
if [ -z "$2" ] && [ -e /etc/stowage/stowage.yaml ]; then chgrp stowage /etc/stowage/stowage.yaml; fi
${AFTER_INSTALL}`,
  );
  await script(path.join(control, 'prerm'), `[ "$1" = remove ] || exit 0\n${BEFORE_REMOVAL}`);
  await script(
    path.join(control, 'postrm'),
    `if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
if [ "$1" = purge ]; then rmdir /etc/stowage /var/lib/stowage 2>/dev/null || true; fi
`,
  );
  const file = path.join(out, `stowage_${packageVersion(bundle)}_${architecture}.deb`);
  await run('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', tree, file]);
  return file;
}

export function controlText(
  { version, glibc }: Pick<Bundle, 'version' | 'glibc'>,
  architecture: string,
  bytes: number,
): string {
  return `Package: stowage
Version: ${packageVersion({ version })}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: libc6 (>= ${glibc}), libgcc-s1 | libgcc1, libstdc++6 (>= 5), passwd
Recommends: openssh-client, postgresql-client
Suggests: curl
Section: database
Priority: optional
Description: ${DESCRIPTION.summary}
${DESCRIPTION.text.replaceAll(/^/gm, ' ')}
`;
}

async function script(file: string, text: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\nset -e\n${text}`);
  await chmod(file, 0o755);
}
