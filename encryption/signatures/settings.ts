import * as z from 'zod';
import { publicKeyProblem } from './public-keys.ts';

/** Old and new key while they are exchanged; more are not needed. */
const KEYS_MAX = 16;

/** `signedBy` of agent.yaml. Messages about a key never print it: it may be the secret one. */
export const SignedBy = z
  .array(
    z.string().superRefine((text, context) => {
      const message = publicKeyProblem(text);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    }),
  )
  .min(1)
  .max(KEYS_MAX)
  .refine((all) => new Set(all).size === all.length, 'must list each key once');
