import { hostname } from 'node:os';
import * as z from 'zod';
import { Content } from '../../backup-set/base/document.ts';
import { isStowageError, messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { withNumbers } from '../../backup-set/messages/quantities.ts';
import {
  ConnectionSection,
  DEFAULT_PORT,
  Host,
  Port,
  STALL_SECONDS_DEFAULT,
  StallSeconds,
} from '../../database/connection-settings.ts';
import { SignedBy } from '../../encryption/signatures/settings.ts';
import { StorageSection, StoreRoot, type StoreSettings } from '../../storage/settings.ts';
import { ConfigError, problemsOf, yamlProblems } from '../config-file/config-error.ts';
import { readYamlFile } from '../config-file/yaml-file.ts';

/** agent.yaml (docs/agents.md). Unknown fields are rejected: a typo must not mean the default. */
export const AgentConfig = z
  .strictObject({
    root: StoreRoot,
    /** Unique among agents, and the same after every restart. */
    name: z.string().min(1).max(255).prefault(hostname),
    /** For shards: the contents on this host, with host and port as in stowage.yaml. */
    contents: z
      .array(
        z.strictObject({
          content: Content,
          host: Host,
          port: Port.default(DEFAULT_PORT),
          /** Where the agent connects, when that is not `host`. */
          address: Host.exactOptional(),
        }),
      )
      .default([])
      .superRefine((listed, context) => {
        const contents = listed.map(({ content }) => content);
        const twice = contents.find((content, at) => contents.indexOf(content) !== at);
        if (twice !== undefined)
          context.addIssue({ code: 'custom', message: `content ${twice} is listed twice` });
      }),
    /** For Greenplum: the agent asks it which contents are on this host. */
    coordinator: z.strictObject({ host: Host, port: Port.default(DEFAULT_PORT) }).exactOptional(),
    connection: ConnectionSection.prefault({}),
    storage: StorageSection,
    /** As in stowage.yaml. */
    stallSeconds: StallSeconds.default(STALL_SECONDS_DEFAULT),
    /** Connections that move rows, per content. */
    workers: z.int().min(1).max(64).default(4),
    /** Bytes per second to and from the store, for all contents of this host together. */
    maxRateBytes: z.int().min(1000).exactOptional(),
    pollSeconds: z.number().min(0.1).max(60).default(5),
    /** The agent's own identity of age: orders of encrypted sets are wrapped for its recipient. */
    encryption: z.strictObject({ identityFile: z.string().min(1) }).exactOptional(),
    /** Public keys of commands: the agent obeys what they have signed. Absent = every order. */
    signedBy: SignedBy.exactOptional(),
    fifoBase: z
      .string()
      .regex(
        /^\/[\w./-]*$/,
        'must be an absolute path of letters, digits, dots, dashes and slashes',
      )
      .default('/tmp'),
    /** Scheduled backups that this agent starts. */
    backup: z
      .strictObject({
        /** Path of the stowage.yaml for these backups. */
        config: z.string().min(1),
        /** Minutes between two backups; absent = the schedule of that file runs. */
        every: z.number().min(0.05).max(10_080).exactOptional(),
      })
      .exactOptional(),
  })
  .refine(
    ({ contents, coordinator }) => contents.length > 0 !== (coordinator !== undefined),
    'set exactly one of contents (shards) and coordinator (Greenplum)',
  );
export type AgentConfig = z.infer<typeof AgentConfig>;

export function storeOf({ root, storage, stallSeconds }: AgentConfig): StoreSettings {
  return { root, s3: storage, stallSeconds };
}

/** @throws StowageError `config/missing`, `config/invalid` naming the field. */
export async function readAgentConfig(path: string): Promise<AgentConfig> {
  const file = await readYamlFile(path, "the agent's configuration file").catch((error) => {
    const other = `${messageOf(error)}; --config FILE names another one`;
    throw isStowageError(error, 'config/missing')
      ? new StowageError(error.code, other, { cause: error })
      : error;
  });
  if (file.mistakes.length > 0) throw new ConfigError(yamlProblems(file));
  const values = withNumbers(file.values);
  const result = AgentConfig.safeParse(values);
  if (result.success) return result.data;
  throw new ConfigError(problemsOf(result.error.issues, { file, values, schema: AgentConfig }));
}
