import { parseArgs } from 'node:util';
import { SERVERS, type ServerKind } from './setup/store.ts';

export interface Options {
  readonly scenarios: readonly string[];
  /** Replaces the default of each scenario. */
  readonly rounds: number | undefined;
  readonly gigabytes: number | undefined;
  /** `sink` and `sink-tls`: the server of test/bench/sink; `ceph`: a real Ceph Object Gateway. */
  readonly server: ServerKind;
  /** All contenders connect to PostgreSQL by Unix socket instead of TCP. */
  readonly sockets: boolean;
  /** The servers of `many-tables`. */
  readonly nodes: number;
  /** The tables of each server of `many-tables`. */
  readonly tables: number;
  /** Files to write, if any. */
  readonly json: string | undefined;
  readonly svg: string | undefined;
  readonly markdown: string | undefined;
}

export const USAGE = `npm run bench -- [--scenario a,b] [--rounds N] [--gigabytes N] [--server sink|sink-tls|ceph] [--sockets]
  [--nodes 4] [--tables 10000] [--json FILE] [--svg FILE] [--markdown FILE]`;

/** @throws Error that names the invalid option. */
export function parseOptions(args: readonly string[], all: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      gigabytes: { type: 'string' },
      server: { type: 'string', default: 'sink' },
      sockets: { type: 'boolean', default: false },
      nodes: { type: 'string', default: '4' },
      tables: { type: 'string', default: '10000' },
      json: { type: 'string' },
      svg: { type: 'string' },
      markdown: { type: 'string' },
    },
  });
  const scenarios = (values.scenario ?? []).flatMap((names) => names.split(','));
  const unknown = scenarios.filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw new Error(`unknown scenario ${unknown.join(', ')}; there are ${all.join(', ')}`);
  const { server } = values;
  if (!isServer(server)) throw new Error(`--server is one of ${SERVERS.join(', ')}`);
  return {
    scenarios: scenarios.length === 0 ? all : scenarios,
    rounds: values.rounds === undefined ? undefined : whole('rounds', values.rounds),
    gigabytes: values.gigabytes === undefined ? undefined : positive('gigabytes', values.gigabytes),
    server,
    sockets: values.sockets,
    nodes: whole('nodes', values.nodes),
    tables: whole('tables', values.tables),
    json: values.json,
    svg: values.svg,
    markdown: values.markdown,
  };
}

const isServer = (name: string): name is ServerKind =>
  (SERVERS as readonly string[]).includes(name);

function whole(name: string, text: string): number {
  const number = positive(name, text);
  if (!Number.isInteger(number)) throw new Error(`--${name} takes a whole number, not ${text}`);
  return number;
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`--${name} takes a number above 0, not ${text}`);
  return number;
}
