/** The types of servers.mjs, plain JavaScript because it runs before npm packages are there. */
export interface BuiltServer {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  readonly main: string;
  readonly program: string;
}

export const STORE_SERVERS: readonly BuiltServer[];
export function programOf(server: BuiltServer, environment: NodeJS.ProcessEnv): string;
export function unbuiltServers(environment: NodeJS.ProcessEnv): readonly BuiltServer[];
