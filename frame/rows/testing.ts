/** A row as COPY BINARY writes it, for tests. */
export function binaryRow(values: readonly (Uint8Array | null)[]): Buffer {
  const head = Buffer.alloc(2);
  head.writeInt16BE(values.length);
  return Buffer.concat([
    head,
    ...values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(value?.length ?? -1);
      return [length, value ?? Buffer.alloc(0)];
    }),
  ]);
}
