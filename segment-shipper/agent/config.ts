import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { parse } from 'yaml';
import * as z from 'zod';
import { Content } from '../../backup-set/base/document.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { StorageSection, StoreRoot } from '../../storage/settings.ts';

const Host = z.string().min(1);
const Port = z.int().min(1).max(65_535).default(5432);

/** agent.yaml (docs/agents.md). Unknown fields are refused: a misspelt one must not silently mean its default. */
export const AgentConfig = z
  .strictObject({
    root: StoreRoot,
    /** The same after every restart, and no other agent's. */
    name: z.string().min(1).max(255).prefault(hostname),
    /** Of shards: what this host serves, with host and port as stowage.yaml has them. */
    contents: z
      .array(
        z.strictObject({
          content: Content,
          host: Host,
          port: Port,
          /** Where the agent reaches it, when that is not `host`. */
          address: Host.exactOptional(),
        }),
      )
      .default([])
      .refine(
        (contents) => new Set(contents.map(({ content }) => content)).size === contents.length,
        'a content is named twice',
      ),
    /** Of Greenplum: knows which contents are on this host. */
    coordinator: z.strictObject({ host: Host, port: Port }).exactOptional(),
    connection: z
      .strictObject({
        user: z.string().min(1).exactOptional(),
        sslmode: z.enum(['disable', 'require', 'verify-ca', 'verify-full']).exactOptional(),
        sslrootcert: z.string().exactOptional(),
        binDir: z.string().exactOptional(),
      })
      .prefault({}),
    storage: StorageSection,
    /** Connections that move rows, per content. */
    workers: z.int().min(1).max(64).default(4),
    /** Bytes per second that this host sends to the store, or reads from it, for all its contents together. */
    maxRateBytes: z.int().min(1000).exactOptional(),
    pollSeconds: z.number().min(0.1).max(60).default(5),
    fifoBase: z
      .string()
      .regex(/^\/[\w./-]*$/, 'an absolute path of letters, digits, dots, dashes and slashes')
      .default('/tmp'),
    /** Backups that this agent starts. */
    backup: z
      .strictObject({
        /** The stowage.yaml to back up by. */
        config: z.string().min(1),
        /** Minutes between two of them. */
        every: z.number().min(0.05).max(10_080),
      })
      .exactOptional(),
  })
  .refine(
    ({ contents, coordinator }) => contents.length > 0 !== (coordinator !== undefined),
    'name either contents (shards) or coordinator (greenplum)',
  );
export type AgentConfig = z.infer<typeof AgentConfig>;

/** @throws StowageError `config/missing`, `config/invalid` naming the field. */
export async function readAgentConfig(path: string): Promise<AgentConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new StowageError(
      'config/missing',
      `cannot read the agent's configuration ${path}: ${messageOf(cause)}`,
      { cause },
    );
  }
  let values: unknown;
  try {
    values = parse(text);
  } catch (cause) {
    throw new StowageError('config/invalid', `${path} is not YAML: ${messageOf(cause)}`, { cause });
  }
  const result = AgentConfig.safeParse(values);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = z.core.toDotPath(issue?.path ?? []);
  throw new StowageError(
    'config/invalid',
    `${path}: ${field || 'the document'}: ${issue?.message ?? 'invalid'}`,
    { where: { field } },
  );
}
