import type { ConnectionTarget } from '../../database/flavour.ts';
import type { LocalServer } from '../../database/local-server/local-server.ts';
import { createDatabase } from '../../database/target/database.ts';
import { Config } from '../config/schema.ts';
import type { ClusterContext, Context } from '../context.ts';
import type { DemoOutput } from './demo-output.ts';

export const SHARDS = 4;
const DATABASE = 'world';

/** The context of a command for a cluster of temporary servers. */
export function demoCluster(
  context: Context,
  demo: DemoOutput,
  servers: readonly LocalServer[],
  root: string,
): ClusterContext {
  const [first] = servers;
  const config = Config.parse({
    cluster: 'demo',
    root,
    database: DATABASE,
    segments: servers.map(({ host, port }, content) => ({ content, host, port })),
    connection: { user: first?.user, binDir: first?.binDir },
    shippers: { workers: 2 },
    functions: 'inline',
  });
  const output = { ...context.output, note: noteOf(context, demo) };
  return { ...context, output, config, sources: new Map() };
}

export async function createDemoDatabase({
  host,
  port,
  user,
  binDir,
}: LocalServer): Promise<ConnectionTarget> {
  const target = { host, port, user, binDir, database: DATABASE };
  await createDatabase(target, { encoding: 'UTF8' });
  return target;
}

/** Prints the events of the commands among the steps of the demo. */
function noteOf({ output }: Context, demo: DemoOutput): ClusterContext['output']['note'] {
  return (event, fields, text) => {
    if (text === undefined || output.json) output.note(event, fields, text);
    else demo.print(text);
  };
}
