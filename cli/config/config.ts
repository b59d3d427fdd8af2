import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type * as z from 'zod';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { Selection } from '../../backup-set/base/selection.ts';
import { LOCK_WAIT_MS_MAX } from '../../backup-set/documents/agents.ts';
import { describeIssue, fieldOf } from '../../backup-set/messages/issue.ts';
import type { ConnectionTarget, Segment } from '../../database/flavour.ts';
import { flavourNamed } from '../../database/flavours.ts';
import type { StoreSettings } from '../../storage/settings.ts';
import { defaultConfigFile } from './default-file.ts';
import { flagOf } from './flag-names.ts';
import { Config, ENVIRONMENT, FIELDS } from './schema.ts';

export type Source = 'flag' | 'environment' | 'file' | 'default';

/** A configuration and, for each field that is not at its default, where its value came from. */
export interface Loaded {
  readonly config: Config;
  readonly sources: ReadonlyMap<string, { readonly source: Source; readonly name: string }>;
}

export interface ConfigInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--config`; undefined = $STOWAGE_CONFIG, else `defaultConfigFile`. */
  readonly file?: string | undefined;
  /** Dotted path → value, for the flags that were given. */
  readonly flags: Readonly<Record<string, unknown>>;
}

/**
 * Flag > environment > file > default.
 * @throws StowageError `config/missing`, `config/invalid` naming field and source.
 */
export async function loadConfig({ env, file, flags }: ConfigInput): Promise<Loaded> {
  const path = file ?? env['STOWAGE_CONFIG'] ?? defaultConfigFile();
  const values = await readYaml(path);
  const sources = new Map<string, { source: Source; name: string }>();
  for (const field of leavesOf(values)) sources.set(field, { source: 'file', name: path });
  for (const [name, field] of Object.entries(ENVIRONMENT)) {
    const value = env[name];
    if (value !== undefined && value !== '')
      put(values, field, fromText(field, value), sources, { source: 'environment', name });
  }
  for (const [field, value] of Object.entries(flags)) {
    if (value !== undefined)
      put(values, field, value, sources, { source: 'flag', name: flagOf(field) });
  }
  values['database'] ??= firstDatabase(values['databases']);
  const result = Config.safeParse(values);
  if (!result.success) throw invalid(result.error.issues[0], values, sources, path);
  return { config: result.data, sources };
}

/** What `database` is when only `databases` is given: the place to ask the servers questions. */
function firstDatabase(databases: unknown): unknown {
  return Array.isArray(databases) ? databases[0] : databases === 'all' ? 'postgres' : undefined;
}

/** The servers of flavour `shards`; other flavours have none in the configuration. */
export function segmentsOf(config: Config): Segment[] {
  return config.segments
    .map(({ content, host, port }) => ({ content, host, port }))
    .sort((a, b) => a.content - b.content);
}

/** How long a session of a backup may wait for a lock of another program, after the barrier. */
export function lockWaitMs({ backup: { lockTimeoutMs, lockAttempts } }: Config): number {
  return Math.min(LOCK_WAIT_MS_MAX, lockTimeoutMs * lockAttempts);
}

/**
 * How to reach a segment; the password comes from the environment or ~/.pgpass, never from the
 * file.
 */
export function targetOf(
  config: Config,
  { content, host, port, options, greenplum, ordinaryOnly }: Segment,
  env: ConfigInput['env'],
): ConnectionTarget {
  const { user = userInfo().username, ...rest } = config.connection;
  const password = env['PGPASSWORD'];
  const { homeVariable } = flavourNamed(config.flavour);
  const home = homeVariable === undefined ? undefined : env[homeVariable];
  return {
    content,
    host,
    port,
    database: config.database,
    user,
    ...(options !== undefined && { options }),
    ...(greenplum !== undefined && { greenplum }),
    ...(ordinaryOnly && { ordinaryOnly }),
    ...(home !== undefined && { binDir: join(home, 'bin') }),
    ...rest,
    stallSeconds: config.stallSeconds,
    ...(password === undefined ? {} : { password }),
  };
}

/** The host on which a segment's shipper runs; empty for this machine. */
export function shipperHost(config: Config, segment: Pick<Segment, 'content' | 'host'>): string {
  return shipperCommand(config, segment) === undefined ? '' : segment.host;
}

/** How a segment's shipper is started; undefined = a process on this machine. */
export function shipperCommand(
  { flavour, segments, shippers }: Config,
  { content, host }: Pick<Segment, 'content' | 'host'>,
): readonly string[] | undefined {
  const named =
    segments.find((segment) => segment.content === content)?.command ?? shippers.command;
  if (named !== undefined || isThisHost(host)) return named;
  return flavourNamed(flavour).reachesHostsBySsh ? OVER_SSH : undefined;
}

/**
 * Greenplum's coordinator has SSH keys for its hosts. BatchMode: a prompt would wait without end.
 */
const OVER_SSH = ['ssh', '-o', 'BatchMode=yes', '{host}', 'stowage-segment-shipper'];

/**
 * How to run another command on a host: the words of `shippers.command` up to the host, or those of
 * ssh when it has none.
 */
export function sshCommand({ shippers }: Config, host: string): readonly string[] {
  const words = shippers.command ?? OVER_SSH;
  const at = words.findIndex((word) => word.includes('{host}'));
  const used = at === -1 ? OVER_SSH.slice(0, -1) : words.slice(0, at + 1);
  return used.map((word) => word.replaceAll('{host}', host));
}

/** True when the name or address of a server is one of this machine. */
export function isThisHost(host: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return host === 'localhost' || host === hostname() || own.some(({ address }) => address === host);
}

export function storeSettings(config: Config, root = config.root): StoreSettings {
  return { root, s3: config.storage, stallSeconds: config.stallSeconds };
}

/**
 * Where validated sets are copied to, or undefined. Settings that it lacks are those of `storage`.
 */
export function replicaSettings({
  replica,
  storage,
  stallSeconds,
}: Config): StoreSettings | undefined {
  const { root, ...server } = replica;
  return root === undefined ? undefined : { root, s3: { ...storage, ...server }, stallSeconds };
}

export function selectionOf(config: Config): Selection {
  const { includeSchemas, excludeSchemas, includeTables, excludeTables } = config.backup;
  return { includeSchemas, excludeSchemas, includeTables, excludeTables };
}

/** A directory sends no events, so there the command line runs the functions itself by default. */
export function functionsOf(config: Config): 'inline' | 'events' {
  return config.functions ?? (config.root.startsWith('file:') ? 'inline' : 'events');
}

async function readYaml(path: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new StowageError(
      'config/missing',
      isAbsent
        ? `configuration file ${path} does not exist`
        : `cannot read configuration file ${path}: ${messageOf(cause)}`,
      { cause },
    );
  }
  try {
    const values: unknown = parse(text) ?? {};
    if (typeof values === 'object' && !Array.isArray(values))
      return values as Record<string, unknown>;
  } catch (cause) {
    throw new StowageError(
      'config/invalid',
      `${path} is not YAML: ${firstLine(messageOf(cause))}`,
      { cause },
    );
  }
  throw new StowageError('config/invalid', `${path} must be a YAML mapping (field: value)`);
}

function* leavesOf(value: unknown, path: readonly string[] = []): Generator<string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [name, inner] of Object.entries(value)) yield* leavesOf(inner, [...path, name]);
  } else {
    yield path.join('.');
  }
}

function put(
  values: Record<string, unknown>,
  field: string,
  value: unknown,
  sources: Map<string, { source: Source; name: string }>,
  origin: { source: Source; name: string },
): void {
  const path = field.split('.');
  const last = path.pop() ?? field;
  let at = values;
  for (const name of path) {
    const inner = at[name];
    const next =
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
    at[name] = next;
    at = next;
  }
  at[last] = value;
  sources.set(field, origin);
}

/** Environment variables are text; only these fields are numbers. */
function fromText(field: string, value: string): string | number {
  const number = Number(value);
  return NUMBERS.includes(field) && !Number.isNaN(number) ? number : value;
}

const NUMBERS = ['shippers.workers', 'stallSeconds'];

function invalid(
  issue: z.core.$ZodIssue | undefined,
  values: unknown,
  sources: Loaded['sources'],
  path: string,
): StowageError {
  const field = fieldOf(issue?.path ?? []);
  const origin = sources.get(field);
  const where =
    origin === undefined
      ? path
      : origin.source === 'file'
        ? origin.name
        : `${origin.source === 'environment' ? 'environment variable' : origin.source} ${origin.name}`;
  const what =
    issue === undefined ? 'the document is invalid' : describeIssue(issue, values, FIELDS);
  return new StowageError('config/invalid', `${where}: ${what}`, { where: { field } });
}

const firstLine = (text: string) => text.split('\n')[0]?.replace(/:$/, '') ?? '';
