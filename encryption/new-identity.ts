import { loadAge } from './age.ts';

/** A new identity, as the text of an identity file. */
export async function newIdentity(
  madeAt: Date,
): Promise<{ readonly text: string; readonly recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await loadAge();
  const secret = await generateX25519Identity();
  const recipient = await identityToRecipient(secret);
  const text = `# created: ${madeAt.toISOString()}\n# public key: ${recipient}\n${secret}\n`;
  return { text, recipient };
}
