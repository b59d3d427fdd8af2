import { messageOf } from '../../backup-set/base/errors.ts';
import { pickWeighted, sceneOf } from './actions/action.ts';
import { DEFINITION_CHANGES } from './actions/definitions.ts';
import { anyRows, ROW_CHANGES } from './actions/rows.ts';
import { MODEL_DATABASE, SERVER_CHANGES } from './actions/servers.ts';
import { readCatalog, SKIPPED } from './schema.ts';
import type { ModelServer } from './server.ts';
import { count, type World } from './world.ts';
import { prepared } from './writers.ts';

const SQL_CHANGES = [...ROW_CHANGES, ...DEFINITION_CHANGES];
/** Of the steps: the first share changes nothing, the last replaces or restarts a server. */
const SHARE_WITHOUT_CHANGE = 0.12;
const SHARE_OF_SERVERS = 0.15;
const SHARE_MET = 1 / 3;
const CHANGES_MAX = 4;

/** Changes the world. @returns what it did, also what the server has refused. */
export async function change(world: World): Promise<string[]> {
  const { random, followUp } = world;
  if (followUp !== undefined) {
    world.followUp = await followUp();
    return ['the second half'];
  }
  const { meets } = world;
  if (meets !== undefined && random.chance(SHARE_MET))
    return [await (isOfServers(meets) ? changeServer(world, meets) : changeOne(world, meets))];
  if (random.chance(SHARE_WITHOUT_CHANGE)) return ['nothing'];
  if (random.chance(SHARE_OF_SERVERS)) return [await changeServer(world)];
  const done: string[] = [];
  for (let left = 1 + random.below(CHANGES_MAX); left > 0; left -= 1)
    done.push(await changeOne(world));
  return done;
}

const isOfServers = (change: string) => SERVER_CHANGES.some(({ name }) => name === change);

/** The change of this name, or any. */
const named = <T extends { readonly name: string }>(
  list: readonly T[],
  only: string | undefined,
) => (only === undefined ? list : list.filter(({ name }) => name === only));

async function changeOne(world: World, only?: string): Promise<string> {
  const { random, servers } = world;
  const content = random.below(servers.length);
  const server = random.pick(servers.slice(content, content + 1));
  return `content ${content}: ${await changeBySql(world, server, only)}`;
}

async function changeServer(world: World, only?: string): Promise<string> {
  const { random, servers } = world;
  const content = random.below(servers.length);
  const server = random.pick(servers.slice(content, content + 1));
  const fitting = SERVER_CHANGES.filter(({ from = 0 }) => server.major >= from);
  const { name, run } = pickWeighted(random, named(fitting, only));
  count(world, name);
  world.followUp = (await run(server, random)) ?? undefined;
  return `content ${content}: ${name}`;
}

async function changeBySql(world: World, server: ModelServer, only?: string): Promise<string> {
  const { random } = world;
  const client = await server.connect(MODEL_DATABASE);
  try {
    const salt = world.steps.length * 100 + random.below(100);
    const scene = sceneOf(random, await readCatalog(client), salt);
    const { name, sql } = pickWeighted(random, named(SQL_CHANGES, only));
    const statements = sql(scene);
    try {
      for (const statement of statements) await client.query(statement);
      count(world, name);
      return `${name}: ${statements.join('; ')}`;
    } catch (error) {
      count(world, `${name} (refused)`);
      return `${name}: ${statements.join('; ')} -- refused: ${messageOf(error)}`;
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Leaves a transaction in progress that has written to a table of no set. */
export async function openTransaction(world: World) {
  const server = world.random.pick(world.servers);
  const client = await server.connect(MODEL_DATABASE);
  await client.query('BEGIN');
  await client.query(`INSERT INTO ${SKIPPED}.noise VALUES (${world.steps.length}, 'open')`);
  return {
    async end() {
      await client.query(world.random.chance(0.5) ? 'COMMIT' : 'ROLLBACK');
      await client.end();
    },
  };
}

/** Prepares a transaction that a backup has to wait for. Undefined: its statement was refused. */
export async function prepareOne(world: World) {
  const { random } = world;
  const server = random.pick(world.servers);
  const client = await server.connect(MODEL_DATABASE);
  let catalog: Awaited<ReturnType<typeof readCatalog>>;
  try {
    catalog = await readCatalog(client);
  } finally {
    await client.end();
  }
  const changes = [anyRows(sceneOf(random, catalog, world.steps.length))];
  const one = await prepared(server, changes, random.chance(0.6)).catch(() => undefined);
  return one && { changes, end: one.end };
}
