import * as z from 'zod';
import { Content, encode, FORMAT_VERSION, header, IsoDate, sha256 } from '../../base/document.ts';
import { heartbeatSlot } from '../../base/keys/schedule-keys.ts';
import { formatKey } from '../../base/keys.ts';
import { TOOL } from '../../base/tool.ts';

/** `agent`: takes orders of backups and restores. `runner`: starts the runs of a schedule. */
export const HEARTBEAT_ROLES = ['agent', 'runner'] as const;
export type HeartbeatRole = (typeof HEARTBEAT_ROLES)[number];

/** Hosts of a cluster have tens of contents, not thousands. */
const CONTENTS_MAX = 1024;
const SIGNERS_MAX = 64;

const Served = z.object({ content: Content, host: z.string(), port: z.int() });
type ServedContent = Readonly<z.infer<typeof Served>>;

/** heartbeats/<program>/<slot>.json: a program of this name was alive. */
export const Heartbeat = z.object({
  ...header('heartbeat'),
  role: z.enum(HEARTBEAT_ROLES),
  name: z.string().min(1).max(255),
  tool: z.string(),
  /** By the clock of its host. */
  at: IsoDate,
  /** Of an agent: what it serves; absent = it could not ask the coordinator. */
  contents: z.array(Served).max(CONTENTS_MAX).exactOptional(),
  /** Of an agent: the public keys whose orders it obeys; absent = it obeys all orders. */
  signedBy: z.array(z.string().max(200)).max(SIGNERS_MAX).exactOptional(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

/** The object with which a program says that it lives. Create-only: one in each slot is enough. */
export function heartbeatObject(
  said: Pick<Heartbeat, 'role' | 'name'> & {
    readonly contents?: readonly ServedContent[] | undefined;
    readonly signedBy?: readonly string[] | undefined;
  },
  times: { readonly store: Date; readonly host: Date },
): { readonly key: string; readonly bytes: Uint8Array } {
  const { role, name, contents, signedBy } = said;
  const program = sha256(Buffer.from(`${role} ${name}`)).slice(0, 16);
  const heartbeat: Heartbeat = {
    format: 'stowage/heartbeat',
    version: FORMAT_VERSION,
    role,
    name,
    tool: TOOL,
    at: times.host.toISOString(),
    ...(contents !== undefined && {
      contents: contents
        .slice(0, CONTENTS_MAX)
        .map(({ content, host, port }) => ({ content, host, port })),
    }),
    ...(signedBy !== undefined && { signedBy: [...signedBy] }),
  };
  const key = formatKey({ kind: 'heartbeat', program, instant: heartbeatSlot(times.store) });
  return { key, bytes: encode(Heartbeat, heartbeat) };
}
