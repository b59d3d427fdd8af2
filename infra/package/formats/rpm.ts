import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bundle } from '../../../cli/hosts/bundle.ts';
import { run } from '../node/fetch.ts';
import type { PackageOptions } from './deb.ts';
import { AFTER_INSTALL, BEFORE_REMOVAL, CREATE_USER, DESCRIPTION } from './scripts.ts';
import { packageVersion } from './version.ts';

const ARCHITECTURES: Readonly<Record<string, string>> = {
  'linux-x64': 'x86_64',
  'linux-arm64': 'aarch64',
};

/** Makes `stowage-VERSION-1.ARCH.rpm` of a tree. @returns its path. */
export async function makeRpm(tree: string, options: PackageOptions): Promise<string> {
  const { out, bundle, compression } = options;
  const architecture = ARCHITECTURES[bundle.platform] ?? '';
  const folder = await mkdtemp(path.join(tmpdir(), 'stowage-rpm-'));
  try {
    const spec = path.join(folder, 'stowage.spec');
    await writeFile(spec, specText(bundle, tree, compression));
    const defines = ['-D', `_topdir ${folder}`, '-D', `_rpmdir ${folder}/made`];
    await run('rpmbuild', [
      '-bb',
      '--quiet',
      '--target',
      `${architecture}-linux`,
      ...defines,
      spec,
    ]);
    const made = path.join(folder, 'made', architecture);
    const [name = ''] = await readdir(made);
    await run('mv', [path.join(made, name), path.join(out, name)]);
    return path.join(out, name);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function specText(
  { version, glibc }: Bundle,
  tree: string,
  compression: PackageOptions['compression'],
): string {
  return `Name: stowage
Version: ${packageVersion({ version })}
Release: 1
Summary: ${DESCRIPTION.summary}
License: Apache-2.0
URL: https://localhost/stowage
AutoReqProv: no
Requires: glibc >= ${glibc}
Requires: libstdc++ >= 5
Requires: libgcc
Requires(pre): shadow-utils
Recommends: openssh-clients
Recommends: postgresql
%define _binary_payload ${compression === 'none' ? 'w0.gzdio' : 'w6.gzdio'}
%define _build_id_links none
%define debug_package %{nil}
%define __os_install_post %{nil}

%description
${DESCRIPTION.text}

%install
mkdir -p %{buildroot}
cp -a ${tree}/. %{buildroot}/

%pre
${CREATE_USER}
%post
${AFTER_INSTALL}
%preun
[ $1 -eq 0 ] || exit 0
${BEFORE_REMOVAL}
%files
%defattr(-,root,root,-)
%dir /etc/stowage
%config(noreplace) %attr(0640,root,stowage) /etc/stowage/stowage.yaml
/usr/bin/stowage*
/usr/lib/stowage
/usr/lib/systemd/system/stowage-*
/usr/share/bash-completion/completions/stowage
/usr/share/fish/vendor_completions.d/stowage.fish
/usr/share/zsh/site-functions/_stowage
%doc /usr/share/doc/stowage
/usr/share/man/man1/stowage*
/usr/share/man/man5/stowage.yaml.5.gz
`;
}
