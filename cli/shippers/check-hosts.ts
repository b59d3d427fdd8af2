import { onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { Server } from '../../database/flavour.ts';
import { requireDumpPrograms } from '../../database/tools/dump-programs.ts';
import { CONTROL_VERSION, type Job, type Report } from '../../segment-shipper/protocol/control.ts';
import { shipperCommand, storeSettings, targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { changedSegments } from '../restore/expected.ts';
import { startShipper } from './process.ts';

const CHECKS_AT_ONCE = 16;
/** ssh to a host that does not answer would wait for minutes. */
const CHECK_MS_MAX = 60_000;

/**
 * Checks before a backup that every host which will dump definitions has the programs for it, and
 * that shippers on other hosts start and reach the same servers. Agents check their own hosts.
 * @throws StowageError `database/tool`, `cluster/changed`, `shipper/…`, naming the content.
 */
export async function requireShippers(
  context: ClusterContext,
  servers: readonly Server[],
): Promise<void> {
  const { config, signal } = context;
  if (config.shippers.start === 'agents') return;
  const dumping = changedSegments(
    config.flavour,
    servers.map(({ segment }) => segment),
  );
  const here = new Set<string>();
  await eachInFlight(servers, CHECKS_AT_ONCE, async ({ segment, identity }) => {
    if (identity === undefined) return;
    const dumps = dumping.includes(segment);
    const command = shipperCommand(config, segment);
    if (command !== undefined)
      return checkThere(context, { segment, identity, command, dumps, describe: false });
    // All shippers on this host run the same programs.
    if (!dumps || here.has(identity.serverVersion)) return;
    here.add(identity.serverVersion);
    const target = targetOf(config, segment, context.env);
    const advice = await requireDumpPrograms(target, identity.serverVersion, signal);
    const event = target.greenplum === undefined ? 'newer-programs' : 'catalog-statistics';
    if (advice !== undefined)
      context.output.note(event, { content: segment.content, advice }, advice);
  });
}

export interface HostCheck extends Server {
  /** As in `ShipperStart`. */
  readonly command: readonly string[] | undefined;
  readonly dumps: boolean;
  /** Whether the shipper also reports `checked`. */
  readonly describe: boolean;
  readonly onReport?: (report: Report) => void;
}

/** Starts the shipper of a content where it will run, and lets it check its host. */
export async function checkThere(
  { config, env, log, signal }: ClusterContext,
  { segment, identity, command, dumps, describe, onReport = () => undefined }: HostCheck,
): Promise<void> {
  const { content, host } = segment;
  const { systemIdentifier } = identity ?? {};
  const job: Job = {
    control: CONTROL_VERSION,
    type: 'check',
    content,
    target: targetOf(config, segment, env),
    store: storeSettings(config),
    workers: 1,
    fifoBase: config.shippers.fifoBase,
    ...(systemIdentifier !== undefined && { systemIdentifier }),
    dumps,
    ...(describe && { describe }),
  };
  const shipper = startShipper({ job, host, command, log, onReport });
  const tooLate = AbortSignal.timeout(CHECK_MS_MAX);
  const stop = AbortSignal.any([signal, tooLate]);
  using _ = onAbort(stop, () => void shipper.stop());
  try {
    await shipper.ended;
  } catch (error) {
    throwIfInterrupted(signal);
    if (!tooLate.aborted) throw error;
    const message = `the shipper of content ${content} on ${host} did not finish its check within ${CHECK_MS_MAX / 1000} s; nothing was stored`;
    throw new StowageError('shipper/died', message, { cause: error, where: { content } });
  }
}
