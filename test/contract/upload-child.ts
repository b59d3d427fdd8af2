import { peakMemoryBytes } from '../../segment-shipper/protocol/peak-memory.ts';
import { openStore } from '../../storage/open.ts';

// Uploads `bytes` bytes to `root` and prints the peak memory of the whole process: run by
// upload-memory.test.ts.
const [root = '', bytes = '0', endpoint] = process.argv.slice(2);
const block = Buffer.alloc(256 * 1024, 'stowage');

async function* source() {
  for (let sent = 0; sent < Number(bytes); sent += block.length) yield block;
}

const store = await openStore({ root, ...(endpoint && { s3: { endpoint } }) });
const made = await store.upload('big.pack', source());
await store.close();
process.stdout.write(JSON.stringify({ bytes: made.bytes, peakKiB: peakMemoryBytes() / 1024 }));
