import { TOOL } from '../../backup-set/base/tool.ts';
import type { Bundle } from './bundle.ts';
import { type HostShell, quoted, runOnHost } from './remote.ts';

/** What a host has. */
export interface HostFacts {
  /** `x86_64`, `aarch64`: of `uname -m`. */
  readonly machine: string;
  /** Undefined where there is no glibc, for example on Alpine. */
  readonly glibc: string | undefined;
  /** `stowage 1.0.0`, of the folder that `hosts install` writes. */
  readonly installed: string | undefined;
  /** SHA-256 of its SHA256SUMS. */
  readonly digest: string | undefined;
  /** Whether its files have the digests that SHA256SUMS lists. */
  readonly intact: boolean;
  /** Of the shipper in PATH, for example from a package. */
  readonly inPath: { readonly file: string; readonly version: string } | undefined;
}

/** A program of ours in that folder, which every host starts. */
export const SHIPPER = 'stowage-segment-shipper';

/** One line per fact: `name value`. `folder` is absolute or below the home. */
export async function lookAt(shell: HostShell, folder: string): Promise<HostFacts> {
  const script = [
    'export LC_ALL=C; cd',
    'echo "machine $(uname -m)"',
    'echo "glibc $(getconf GNU_LIBC_VERSION 2>/dev/null)"',
    `p=$(command -v ${SHIPPER}) && echo "path $p" && echo "version $($p --version 2>/dev/null </dev/null | head -n 1)"`,
    `if cd -- ${quoted(`${folder}/current`)} 2>/dev/null; then echo "installed $(./${SHIPPER} --version 2>&1 </dev/null | head -n 1)"`,
    'echo "digest $(sha256sum < SHA256SUMS)"; sha256sum -c SHA256SUMS >/dev/null 2>&1 && echo "intact yes"; fi',
    'exit 0',
  ].join('; ');
  return factsIn(await runOnHost(shell, script));
}

/** Reads the lines; pure. */
export function factsIn(text: string): HostFacts {
  const facts = new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, name, value] = /^(\w+) (.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value.trim()]];
    }),
  );
  const [file, version] = [facts.get('path'), facts.get('version')];
  return {
    machine: facts.get('machine') ?? '',
    glibc: /^glibc (\d[\d.]*)$/.exec(facts.get('glibc') ?? '')?.[1],
    installed: facts.get('installed'),
    digest: /^[0-9a-f]{64}/.exec(facts.get('digest') ?? '')?.[0],
    intact: facts.get('intact') === 'yes',
    inPath:
      file === undefined ? undefined : { file, version: version === undefined ? '' : version },
  };
}

export type HostState =
  | 'ready'
  /** The shipper in its PATH has our version. */
  | 'package'
  | 'outdated'
  | 'damaged'
  | 'absent';

/** `digest` is undefined when this program is no bundle, and so only versions can be compared. */
export function stateOf(facts: HostFacts, digest: string | undefined): HostState {
  const { installed, intact, inPath } = facts;
  if (installed !== undefined && !intact) return 'damaged';
  if (installed === TOOL && (digest === undefined || facts.digest === digest)) return 'ready';
  if (inPath?.version === TOOL && installed === undefined) return 'package';
  return installed === undefined && inPath === undefined ? 'absent' : 'outdated';
}

const PLATFORMS: Readonly<Record<string, string>> = { x86_64: 'linux-x64', aarch64: 'linux-arm64' };

/** The platform of a host, as bundles name it; undefined for another architecture. */
export function platformOf({ machine }: HostFacts): string | undefined {
  return PLATFORMS[machine];
}

/** Why Node of a bundle does not run on a host; undefined when it does. */
export function unfitBecause(facts: HostFacts, bundle: Bundle | undefined): string | undefined {
  if (platformOf(facts) === undefined)
    return `its architecture ${facts.machine} has no bundle (only x86_64 and aarch64 have)`;
  if (bundle === undefined) return undefined;
  if (facts.glibc === undefined) return `it has no glibc; Node needs glibc ${bundle.glibc}`;
  return facts.glibc.localeCompare(bundle.glibc, 'en', { numeric: true }) < 0
    ? `its glibc is ${facts.glibc}; Node needs ${bundle.glibc}`
    : undefined;
}
