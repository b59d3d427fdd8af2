import * as z from 'zod';
import { RECIPIENTS_MAX } from '../backup-set/documents/keys/set-key.ts';
import { hasSecretKey } from '../backup-set/messages/secrets.ts';
import { isKmsKey, recipientProblem } from './recipients.ts';

/** A text that holds a public recipient. Messages about it never print it. */
const AgeRecipient = z.string().superRefine((text, context) => {
  const message = recipientProblem(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const Path = z.string().min(1);

/** Other users of the host see the arguments of a program. */
const Argument = z
  .string()
  .min(1)
  .refine(
    (text) => !hasSecretKey(text),
    'has the secret key of an identity (AGE-SECRET-KEY-…): name a program that prints it, or use encryption.identityFile, and make a new identity',
  );

const Section = z.strictObject({
  /** Public keys: a set is encrypted for all of them, and the identity of any one opens it. */
  recipients: z
    .array(AgeRecipient)
    .min(1)
    .max(RECIPIENTS_MAX - 1)
    .refine((all) => new Set(all).size === all.length, 'must list each recipient once')
    .default([]),
  /** A key of AWS KMS, as another recipient. */
  kms: z
    .string()
    .refine(isKmsKey, 'must be a key of AWS KMS: its id, alias/NAME, or an ARN')
    .exactOptional(),
  /** The coordinator's key for digests of rows: without it, no rows are carried by content. */
  digestKeyFile: Path.exactOptional(),
  /** Files with identities, for commands that read rows. A backup needs none. */
  identityFile: z.union([Path, z.array(Path).min(1)]).exactOptional(),
  /** A program that prints identities; it is run when no identity file is named. */
  identityCommand: z.array(Argument).min(1).exactOptional(),
  /** Recipients of agents, by host or content. */
  agents: z.record(z.string().min(1), AgeRecipient).exactOptional(),
});

/** `encryption:` of stowage.yaml. A section that seems to encrypt and does not is refused. */
export const EncryptionSection = Section.superRefine((section, context) => {
  if (isEncrypting(section)) return;
  const reads = section.identityFile !== undefined || section.identityCommand !== undefined;
  for (const field of ['digestKeyFile', 'agents'] as const)
    if (section[field] !== undefined && !(reads && field === 'agents'))
      context.addIssue({
        code: 'custom',
        path: [field],
        message:
          'has no effect without encryption.recipients or encryption.kms: backups would not be encrypted',
      });
  if (!reads)
    context.addIssue({
      code: 'custom',
      path: ['recipients'],
      message: 'must have at least one recipient (age1…), or set encryption.kms',
    });
});
export type EncryptionSettings = z.infer<typeof EncryptionSection>;

/** Whether backups are encrypted. A host that only restores may name identities alone. */
export function isEncrypting({
  recipients,
  kms,
}: Pick<EncryptionSettings, 'recipients' | 'kms'>): boolean {
  return recipients.length > 0 || kms !== undefined;
}
