/** What a call names: KMS decrypts only where the same context is given. */
export interface KmsCall {
  readonly context: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** AWS KMS, as far as Stowage uses it. All calls are bounded in time. */
export interface Kms {
  /** @param key an id, alias or ARN. @throws StowageError `encryption/kms`. */
  encrypt(
    key: string,
    plain: Uint8Array,
    call: KmsCall,
  ): Promise<{ readonly keyArn: string; readonly ciphertext: string }>;
  /** @param keyArn of the answer of `encrypt`. @throws StowageError `encryption/kms`. */
  decrypt(keyArn: string, ciphertext: string, call: KmsCall): Promise<Uint8Array>;
}
