import { hostname, networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Selection } from '../../backup-set/base/selection.ts';
import { LOCK_WAIT_MS_MAX } from '../../backup-set/documents/agents.ts';
import { fieldOf } from '../../backup-set/messages/issue.ts';
import { withNumbers } from '../../backup-set/messages/quantities.ts';
import type { ConnectionTarget, Segment } from '../../database/flavour.ts';
import { flavourNamed } from '../../database/flavours.ts';
import {
  ConfigError,
  type ConfigProblem,
  problemsOf,
  yamlProblems,
} from '../../segment-shipper/config-file/config-error.ts';
import { readYamlFile, type YamlFile } from '../../segment-shipper/config-file/yaml-file.ts';
import type { StoreSettings } from '../../storage/settings.ts';
import { defaultConfigFile } from './default-file.ts';
import { flagOf } from './flag-names.ts';
import { Config, ENVIRONMENT } from './schema.ts';

export type Source = 'flag' | 'environment' | 'file' | 'default';

/** Where a value came from; `line` of a file. */
export interface Origin {
  readonly source: Source;
  readonly name: string;
  readonly line?: number;
}

/** A configuration and, for each field that is not at its default, where its value came from. */
export interface Loaded {
  readonly config: Config;
  readonly sources: ReadonlyMap<string, Origin>;
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
 * @throws StowageError `config/missing`; ConfigError `config/invalid` with all mistakes.
 */
export async function loadConfig(input: ConfigInput): Promise<Loaded> {
  const { config, sources, problems } = await readConfig(input);
  if (config === undefined) throw new ConfigError(problems);
  return { config, sources };
}

/** What a configuration says, also when it is wrong. */
export interface ReadConfig {
  readonly sources: Loaded['sources'];
  /** The values that were given, without defaults. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Undefined when there are problems. */
  readonly config: Config | undefined;
  readonly problems: readonly ConfigProblem[];
}

/** @throws StowageError `config/missing` when there is no file to read. */
export async function readConfig({ env, file, flags }: ConfigInput): Promise<ReadConfig> {
  const path = file ?? env['STOWAGE_CONFIG'] ?? defaultConfigFile();
  return resolveConfig(await readYamlFile(path), { env, flags });
}

/** Pure. */
export function resolveConfig(
  yaml: YamlFile,
  { env, flags }: Pick<ConfigInput, 'env' | 'flags'>,
): ReadConfig {
  const given = structuredClone(yaml.values);
  const sources = new Map<string, Origin>();
  for (const { field, path: at } of leavesOf(given))
    sources.set(field, { source: 'file', name: yaml.path, line: yaml.placeOf(at).line });
  for (const [name, field] of Object.entries(ENVIRONMENT)) {
    const value = env[name];
    if (value !== undefined && value !== '')
      put(given, field, fromText(field, value), sources, { source: 'environment', name });
  }
  for (const [field, value] of Object.entries(flags)) {
    if (value !== undefined)
      put(given, field, value, sources, { source: 'flag', name: flagOf(field) });
  }
  const values = withNumbers(given) as Record<string, unknown>;
  values['database'] ??= firstDatabase(values['databases']);
  if (yaml.mistakes.length > 0)
    return { sources, values, config: undefined, problems: yamlProblems(yaml) };
  moveRetention(values, sources);
  // A schema that is used once is not worth a function that zod compiles for it.
  const result = Config.safeParse(values, { jitless: true });
  if (result.success) return { sources, values, config: result.data, problems: [] };
  const originOf = (field: string) => originText(originFor(sources, field));
  const { issues } = result.error;
  const problems = problemsOf(issues, { file: yaml, values, schema: Config, originOf });
  return { sources, values, config: undefined, problems };
}

/** Of a field, or of the list or section that was given as a whole. */
function originFor(sources: Loaded['sources'], field: string): Origin | undefined {
  const ends = [...field.matchAll(/[.[]/g)].map(({ index }) => index).toReversed();
  const names = [field, ...ends.map((end) => field.slice(0, end))];
  return names.map((name) => sources.get(name)).find((origin) => origin !== undefined);
}

function originText(origin: Origin | undefined): string | undefined {
  if (origin === undefined || origin.source === 'file') return undefined;
  const { source, name } = origin;
  return `${source === 'environment' ? 'environment variable' : source} ${name}`;
}

/** What `database` is when only `databases` is given: the place to ask the servers questions. */
function firstDatabase(databases: unknown): unknown {
  return Array.isArray(databases) ? databases[0] : databases === 'all' ? 'postgres' : undefined;
}

/** The rules of retention may stand in the block of the schedule. */
function moveRetention(
  values: Record<string, unknown>,
  sources: Map<string, { source: Source; name: string }>,
): void {
  const { schedule } = values;
  if (typeof schedule !== 'object' || schedule === null || !('retention' in schedule)) return;
  if (values['retention'] !== undefined) return;
  const { retention, ...others } = schedule;
  values['retention'] = retention;
  values['schedule'] = others;
  for (const [field, source] of [...sources])
    if (field.startsWith('schedule.retention'))
      sources.set(field.slice('schedule.'.length), source);
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

/** The values with their fields. A list of mappings has fields, such as `segments[0].host`. */
export function* leavesOf(
  value: unknown,
  path: readonly (string | number)[] = [],
): Generator<{ field: string; path: readonly (string | number)[]; value: unknown }> {
  const isTree = (one: unknown) => typeof one === 'object' && one !== null;
  if (Array.isArray(value) && value.length > 0 && value.every(isTree))
    for (const [at, inner] of value.entries()) yield* leavesOf(inner, [...path, at]);
  else if (isTree(value) && !Array.isArray(value))
    for (const [name, inner] of Object.entries(value as object))
      yield* leavesOf(inner, [...path, name]);
  else yield { field: fieldOf(path), path, value };
}

function put(
  values: Record<string, unknown>,
  field: string,
  value: unknown,
  sources: Map<string, Origin>,
  origin: Origin,
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
