/**
 * `node test/bench/receive-child.ts HOST PORT TABLE`: receives a table through copyOut, gives every block back at once, and prints
 * how many bytes and rows it were. What test/bench/receive.ts measures.
 */
import { copyOut } from '../../database/copy-out.ts';
import { blockArena } from '../../database/copy-wire/block-arena.ts';
import { openSession } from '../../database/session.ts';

const [host = '', port = '', table = ''] = process.argv.slice(2);
const arena = blockArena({ connections: 1, blocks: 3, frameBytes: 4 << 20 });
const session = await openSession(
  { host, port: Number(port), user: 'postgres', database: 'postgres' },
  { purpose: 'backup', applicationName: 'stowage bench', receive: arena },
);
const [{ columns = [] } = {}] = await session.query<{ columns: string[] }>(
  'SELECT array_agg(attname::text ORDER BY attnum) AS columns FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0',
  [`public.${table}`],
);
const copy = copyOut(session, { schema: 'public', name: table, columns }, { encoding: 'UTF8' });
const startUp = process.cpuUsage();
let bytes = 0;
let rows = 0;
let blocks = 0;
for await (const block of copy.blocks) {
  if (block.kind !== 'rows') throw new Error('no row here is that long');
  bytes += block.rows.byteLength;
  rows += block.count;
  blocks += 1;
  block.release();
}
const counted = await copy.rowsCounted();
await session.close();
if (counted !== rows) throw new Error(`${rows} rows came, ${counted} were counted`);
const used = process.cpuUsage(startUp);
const ms = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;
const maxRss = process.resourceUsage().maxRSS * 1024;
process.stdout.write(
  JSON.stringify({ bytes, rows, blocks, maxRss, startUpMs: ms(startUp), receiveMs: ms(used) }),
);
