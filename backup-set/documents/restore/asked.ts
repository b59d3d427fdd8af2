import * as z from 'zod';
import { header, IsoDate, NAME_CHARS_MAX, Name, Sha256 } from '../../base/document.ts';
import { NAME_FORM } from '../../base/keys/schedule-keys.ts';
import { RestoreId, Timestamp } from '../../base/timestamps.ts';
import { RESTORE_MODES } from './restore.ts';

/** Flags of `stowage restore` that a request can have. */
export const ASKED_FLAGS = [
  '--no-owner',
  '--globals',
  '--no-acl',
  '--verify',
  '--no-count',
  '--allow-missing',
  '--resize',
] as const;
const ASKED_PARTS = ['all', 'data-only', 'schema-only'] as const;
/** More tables are chosen by a pattern on a command line. */
const TABLES_MAX = 1000;

/** Names a target in the configuration of the command that carries the request out. */
export const TargetName = z.string().regex(NAME_FORM);

/** What was clicked together in the console. It has no address, no command and no pattern. */
export const RestoreChoice = z.object({
  timestamp: Timestamp,
  /** Of the manifest that the page has shown. */
  manifestSha256: Sha256,
  target: TargetName,
  /** Absent = that of the set. */
  database: z.string().min(1).max(NAME_CHARS_MAX).exactOptional(),
  mode: z.enum(RESTORE_MODES),
  /** Empty = all. */
  tables: z.array(Name).max(TABLES_MAX),
  parts: z.enum(ASKED_PARTS),
  flags: z.array(z.enum(ASKED_FLAGS)).max(ASKED_FLAGS.length),
  workers: z.int().min(1).max(64).exactOptional(),
});
export type RestoreChoice = z.infer<typeof RestoreChoice>;

/** A request without its proof. */
export const UnprovenAsked = z.object({
  ...header('asked-restore'),
  /** The id that the restore gets. */
  id: RestoreId,
  /** A request that is copied to another root is refused there. */
  root: z.string().max(NAME_CHARS_MAX),
  /** Both by the clock of the store. */
  requestedAt: IsoDate,
  expiresAt: IsoDate,
  /** The name that the browser gave, and its address. */
  by: z.string().max(300),
  ...RestoreChoice.shape,
});
export type UnprovenAsked = z.infer<typeof UnprovenAsked>;

/**
 * requests/<id>/request.json: the console asks for a restore (docs/design/0048-requests.md). The
 * HMAC proves that a `serve` with the token of requests wrote it.
 */
export const AskedRestore = z.object({ ...UnprovenAsked.shape, hmac: Sha256 });
export type AskedRestore = z.infer<typeof AskedRestore>;

/** The last field. Absent: a program without the token wrote the document. */
const runProof = { hmac: Sha256.exactOptional() };

/** requests/<id>/run-start.json: of all commands one creates it, and restores. */
export const AskedStart = z.object({
  ...header('asked-restore-start'),
  id: RestoreId,
  startedAt: IsoDate,
  /** Program, host and process. */
  by: z.string(),
  ...runProof,
});
export type AskedStart = z.infer<typeof AskedStart>;

/** requests/<id>/run-end.json. */
export const AskedEnd = z.object({
  ...header('asked-restore-end'),
  id: RestoreId,
  endedAt: IsoDate,
  /** `refused`: the target was not changed. */
  status: z.enum(['restored', 'failed', 'refused']),
  exitCode: z.int().exactOptional(),
  code: z.string().exactOptional(),
  message: z.string().exactOptional(),
  ...runProof,
});
export type AskedEnd = z.infer<typeof AskedEnd>;
