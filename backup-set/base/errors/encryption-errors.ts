/** The part of `ERRORS` for encrypted sets. */
export const ENCRYPTION_ERRORS = {
  'encryption/no-identity': {
    exit: 4,
    hint: 'name the identity file of a recipient with --identity FILE, $AGE_IDENTITY_FILE or encryption.identityFile; `stowage key list` shows the recipients of the sets',
  },
  'encryption/no-key': {
    exit: 4,
    hint: 'nothing was changed; `stowage key test` shows which sets the identity opens. A copy of the set under another root may have the key document: restore from there with --root',
  },
  'encryption/plain-set': {
    exit: 4,
    hint: 'nothing was changed; `stowage list` shows which sets are plain. If this one is from before encryption was turned on, repeat the command with --accept-plain; otherwise find out which program wrote it, and use another set',
  },
  'encryption/identity': {
    exit: 2,
    hint: 'correct the named identity: a file of age-keygen (AGE-SECRET-KEY-1…), mode 0600. A set needs the identity of one of its recipients: a new one opens no set that exists',
  },
  'encryption/recipient': {
    exit: 2,
    hint: 'correct the named recipient: age1… as `stowage key new` and age-keygen print it, or a key of AWS KMS',
  },
  'encryption/kms': {
    exit: 5,
    hint: 'check that the role may use the key of AWS KMS (kms:Encrypt for a backup, kms:Decrypt for a restore) and that KMS can be reached',
  },
  'orders/signature': {
    exit: 4,
    hint: 'the agent has read and loaded no row; the message says whether the document has no signature, or one of another key. Set shippers.signingKeyFile of the command, and its public key in signedBy of every agent.yaml (docs/agents.md, Signed orders); `stowage doctor` compares them. If both fit, find out which program writes below orders/ and restores/',
  },
} as const;
