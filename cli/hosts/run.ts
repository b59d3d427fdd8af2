import { mapInFlight } from '../../async/each-in-flight.ts';
import { asStowageError, type ErrorCode, StowageError } from '../../backup-set/base/errors.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import { isThisHost, shipperCommand, sshCommand } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { flavourOf } from '../flavour.ts';
import { type Archive, digestOf } from './archive.ts';
import { type Bundle, OWN_FOLDER, readBundle } from './bundle.ts';
import { installOn } from './install.ts';
import {
  type HostFacts,
  type HostState,
  lookAt,
  platformOf,
  stateOf,
  unfitBecause,
} from './look.ts';
import type { HostShell } from './remote.ts';

/** What was found and done on one host. */
export interface HostReport {
  readonly host: string;
  readonly contents: readonly number[];
  /** `here`: this program itself ships the segments of this machine. */
  readonly state: HostState | 'installed' | 'here' | 'failed';
  readonly machine?: string;
  readonly glibc?: string;
  /** What it had when the command began: `stowage 1.0.0`. */
  readonly had?: string;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

export interface HostsOptions {
  /** Empty = every host of the topology. */
  readonly only: readonly string[];
  readonly folder: string;
  readonly atOnce: number;
}

interface Place {
  readonly host: string;
  readonly contents: readonly number[];
  readonly isHere: boolean;
}

/** The lowest time without a sign of life: a slow host unpacks for a minute. */
const SILENT_MS_MIN = 60_000;

/** What every host has. Changes nothing. */
export async function checkHosts(
  context: ClusterContext,
  options: HostsOptions,
): Promise<HostReport[]> {
  const own = await readBundle(OWN_FOLDER).catch(() => undefined);
  const digest = own && (await digestOf(OWN_FOLDER));
  return eachHost(context, options, async (place, shell) => {
    const facts = await lookAt(shell, options.folder);
    requireFit(place.host, facts, own);
    const same = own !== undefined && platformOf(facts) === own.platform ? digest : undefined;
    return reportOf(place, facts, stateOf(facts, same));
  });
}

/** Brings the version of the archives onto every host that has another one. */
export async function installHosts(
  context: ClusterContext,
  options: HostsOptions,
  archives: readonly Archive[],
): Promise<HostReport[]> {
  return eachHost(context, options, async (place, shell) => {
    const facts = await lookAt(shell, options.folder);
    const [any] = archives;
    const archive = archives.find(({ bundle }) => bundle.platform === platformOf(facts));
    requireFit(place.host, facts, (archive ?? any)?.bundle);
    if (archive === undefined)
      throw new StowageError(
        'hosts/bundle',
        `${place.host} is ${platformOf(facts)}: pass its archive, --bundle stowage-${TOOL.split(' ')[1]}-${platformOf(facts)}.tar.gz`,
      );
    const state = stateOf(facts, archive.digest);
    if (state === 'ready' || state === 'package') return reportOf(place, facts, state);
    await installOn(shell, options.folder, archive);
    return reportOf(place, facts, 'installed');
  });
}

async function eachHost(
  context: ClusterContext,
  options: HostsOptions,
  work: (place: Place, shell: HostShell) => Promise<HostReport>,
): Promise<HostReport[]> {
  const { config, signal, output } = context;
  const places = await placesOf(context, options.only);
  return mapInFlight(places, options.atOnce, async (place) => {
    const { host, contents } = place;
    if (place.isHere) return { host, contents, state: 'here' };
    const command = sshCommand(config, host);
    const silentMsMax = Math.max(config.stallSeconds * 1000, SILENT_MS_MIN);
    try {
      const report = await work(place, { host, command, silentMsMax, signal });
      output.note('host', { ...report });
      return report;
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = asStowageError(error);
      const report: HostReport = { host, contents, state: 'failed', error: { code, message } };
      output.note('host', { ...report });
      return report;
    }
  });
}

/** The hosts of the topology, once each, in the order of their first content. */
async function placesOf(context: ClusterContext, only: readonly string[]): Promise<Place[]> {
  const segments = await flavourOf(context).topology();
  const known = Map.groupBy(segments, ({ host }) => host);
  const unknown = only.filter((host) => !known.has(host));
  if (unknown.length > 0)
    throw new StowageError(
      'usage/flag',
      `--host ${unknown[0]}: no segment of this cluster is on that host; it has ${[...known.keys()].join(', ')}`,
      { where: { field: 'host' } },
    );
  return [...known]
    .filter(([host]) => only.length === 0 || only.includes(host))
    .map(([host, here]) => ({
      host,
      contents: here.map(({ content }) => content),
      isHere:
        isThisHost(host) &&
        here.every((segment) => shipperCommand(context.config, segment) === undefined),
    }));
}

function requireFit(host: string, facts: HostFacts, bundle: Bundle | undefined): void {
  const why = unfitBecause(facts, bundle);
  if (why !== undefined) throw new StowageError('hosts/unfit', `${host}: ${why}`);
}

function reportOf(
  { host, contents }: Place,
  facts: HostFacts,
  state: HostReport['state'],
): HostReport {
  const { machine, glibc, installed, inPath } = facts;
  const had = installed ?? inPath?.version;
  return {
    host,
    contents,
    state,
    machine,
    ...(glibc !== undefined && { glibc }),
    ...(had !== undefined && { had }),
  };
}
