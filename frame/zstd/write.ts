import type { ZstdCompress } from 'node:zlib';

/**
 * Writes, and waits until zstd has taken the bytes. Rejects when the stream is destroyed: node:zlib
 * does not call back a write that was waiting for its reader then.
 */
export function write(zstd: ZstdCompress, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error('the zstd stream was closed before it took the bytes'));
    zstd.once('close', onClose);
    zstd.write(bytes, (error) => {
      zstd.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}
