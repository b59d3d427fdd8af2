import { mapInFlight } from '../../../async/each-in-flight.ts';
import { messageOf } from '../../../backup-set/base/errors.ts';
import { TOOL } from '../../../backup-set/base/tool.ts';
import type { Server } from '../../../database/flavour.ts';
import type { Report } from '../../../segment-shipper/protocol/control.ts';
import { shipperCommand } from '../../config/config.ts';
import type { ClusterContext } from '../../context.ts';
import { changedSegments } from '../../restore/expected.ts';
import { checkThere } from '../../shippers/check-hosts.ts';
import type { Check } from '../check.ts';
import { namesOf } from '../contents.ts';

const STARTED_AT_ONCE = 16;

/** What a started shipper has said of itself and of its host. */
export interface StartedShipper {
  /** The contents whose shippers run the same programs on the same host. */
  readonly contents: readonly number[];
  readonly tool?: string | undefined;
  readonly node?: string | undefined;
  readonly programs: Extract<Report, { type: 'checked' }>['programs'];
  readonly advice?: string | undefined;
  /** Why its check failed. */
  readonly failure?: string | undefined;
}

/** Starts each shipper where it will run, and on this host one for all contents of a version. */
export async function checkShippers(
  context: ClusterContext,
  servers: readonly Server[],
): Promise<Check[]> {
  const dumping = changedSegments(
    context.config.flavour,
    servers.map(({ segment }) => segment),
  );
  const starts = startsOf(context, servers, (server) => dumping.includes(server.segment));
  return judgeShippers(
    await mapInFlight(starts, STARTED_AT_ONCE, ({ contents, dumps, ...server }) =>
      start(context, server, { contents, dumps }),
    ),
  );
}

interface Start extends Server {
  readonly contents: number[];
  readonly dumps: boolean;
}

function startsOf(
  { config }: ClusterContext,
  servers: readonly Server[],
  dumps: (server: Server) => boolean,
): Start[] {
  const starts = new Map<string, Start>();
  // Of the contents that share a check, one that dumps shows more.
  for (const server of servers.toSorted((a, b) => Number(dumps(b)) - Number(dumps(a)))) {
    const { content } = server.segment;
    const command = shipperCommand(config, server.segment);
    const version = server.identity?.serverVersion ?? '';
    const key = command === undefined ? `here ${version}` : `${content}`;
    const known = starts.get(key);
    if (known === undefined)
      starts.set(key, { ...server, contents: [content], dumps: dumps(server) });
    else known.contents.push(content);
  }
  return [...starts.values()];
}

async function start(
  context: ClusterContext,
  server: Server,
  { contents, dumps }: Pick<Start, 'contents' | 'dumps'>,
): Promise<StartedShipper> {
  let hello: Extract<Report, { type: 'hello' }> | undefined;
  let checked: Extract<Report, { type: 'checked' }> | undefined;
  const onReport = (report: Report) => {
    if (report.type === 'hello') hello = report;
    if (report.type === 'checked') checked = report;
  };
  const command = shipperCommand(context.config, server.segment);
  let failure: string | undefined;
  try {
    await checkThere(context, { ...server, command, dumps, describe: true, onReport });
  } catch (error) {
    context.signal.throwIfAborted();
    failure = messageOf(error);
  }
  return {
    contents,
    tool: hello?.tool,
    node: hello?.node,
    programs: checked?.programs ?? [],
    advice: checked?.advice,
    failure,
  };
}

type Finding = Pick<Check, 'ok' | 'remark' | 'detail'>;

/** One line for all shippers of which the same is true. Pure. */
export function judgeShippers(shippers: readonly StartedShipper[]): Check[] {
  const kinds = new Map<string, { finding: Finding; contents: number[] }>();
  for (const shipper of shippers)
    for (const finding of findingsOn(shipper)) {
      const kind = `${finding.ok} ${withoutPlace(finding.detail)}`;
      const known = kinds.get(kind) ?? { finding, contents: [] };
      known.contents.push(...shipper.contents);
      kinds.set(kind, known);
    }
  return [...kinds.values()].map(({ finding, contents }) => ({
    of: 'cluster',
    name: 'shippers',
    ...finding,
    detail: `${namesOf(contents)}: ${finding.detail}`,
  }));
}

function findingsOn({ tool, node, programs, advice, failure }: StartedShipper): Finding[] {
  const note = (detail: string): Finding => ({ ok: true, remark: true, detail });
  const words = [tool ?? 'a shipper', ...(node === undefined ? [] : [`Node ${node}`])];
  const found = programs.flatMap(({ name, version }) =>
    version === undefined ? [] : [`${name} ${version}`],
  );
  return [
    ...(failure === undefined ? [{ ok: true, detail: [...words, ...found].join(', ') }] : []),
    ...(advice === undefined ? [] : [note(advice)]),
    ...(programs.some(({ name, version }) => name === 'pg_restore' && version === undefined)
      ? [
          note(
            "there is no pg_restore that fits the server: backups work, restores of definitions will not. Install the programs of the server's version there, or set connection.binDir",
          ),
        ]
      : []),
    ...(tool !== undefined && tool !== TOOL
      ? [
          {
            ok: false,
            detail: `the shipper is ${tool}, but this command is ${TOOL}. Install the same version on both hosts`,
          },
        ]
      : []),
    ...(failure === undefined ? [] : [{ ok: false, detail: failure }]),
  ];
}

/** Failures of many hosts differ in the names of content and host only. */
function withoutPlace(detail: string): string {
  return detail.replaceAll(/content -?\d+ on [^ ]+|[^ ]+:\d+/g, '…');
}
