/**
 * `node test/bench/parts/receive-child.ts HOST PORT TABLE`: receives a table through copyOut,
 * releases every block at once, and prints the number of bytes and rows.
 * test/bench/parts/receive.ts runs it.
 */

import { peakMemoryBytes } from '../../../segment-shipper/protocol/peak-memory.ts';
import { receive } from './receive-table.ts';

const [host = '', port = '', table = ''] = process.argv.slice(2);
let bytes = 0;
let blocks = 0;
const rows = await receive({ host, port: Number(port), table }, (block) => {
  bytes += block.rows.byteLength;
  blocks += 1;
});
const maxRss = peakMemoryBytes();
process.stdout.write(JSON.stringify({ bytes, rows, blocks, maxRss }));
