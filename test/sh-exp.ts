import { startCluster } from './support/servers/postgres.ts';
import { startSink } from './bench/sink/start.ts';
import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
const servers = await startCluster(2, { databases: ['shop'] });
const sink = await startSink();
await sink.keep(true);
const tables = Number(process.argv[2] ?? 500);
const rows = Number(process.argv[3] ?? 200);
for (const s of servers) {
  let sql = '';
  for (let i = 0; i < tables; i++) { sql += `CREATE TABLE t${i} (id int primary key, v text); INSERT INTO t${i} SELECT g, 'value ' || g FROM generate_series(1,${rows}) g;\n`; if (i % 1000 === 999) { await s.psql(sql, 'shop'); sql = ''; } }
  sql += `CREATE TABLE wanted (id int primary key, v text); INSERT INTO wanted SELECT g, md5(g::text) FROM generate_series(1,26000) g;`;
  await s.psql(sql, 'shop');
  await s.psql('VACUUM FREEZE', 'shop');
}
const cfg = (root: string) => stringify({ cluster: 'x', root, database: 'shop', segments: servers.map(({ host, port }, content) => ({ content, host, port })), connection: { user: servers[0]!.user, binDir: servers[0]!.binDir }, shippers: { workers: 2 }, storage: { endpoint: sink.endpoint, region: 'us-east-1' }, functions: 'inline' });
writeFileSync(process.argv[4] + '.yaml', cfg('s3://bench/root'));
writeFileSync(process.argv[4] + '.env', `SINK=${sink.endpoint}\nexport AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b PGHOST=${servers[0]!.host} PGUSER=${servers[0]!.user} BIN=${servers[0]!.binDir} PORT0=${servers[0]!.port} PORT1=${servers[1]!.port}\n`);
console.log('up', process.pid);
process.on('SIGTERM', () => void (async () => { await sink.stop(); for (const s of servers) await s.stop(); process.exit(0); })());
setInterval(() => undefined, 1000);
