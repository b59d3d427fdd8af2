/**
 * `node test/bench/parts/receive-streams-child.ts HOST PORT TABLE`: receives a table by pg and
 * pg-copy-streams, and discards it. test/bench/parts/receive.ts runs it for comparison.
 */
import { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';

const [host = '', port = '', table = ''] = process.argv.slice(2);
const client = new Client({ host, port: Number(port), user: 'postgres', database: 'postgres' });
await client.connect();
const stream = client.query(copyTo(`COPY ${client.escapeIdentifier(table)} TO STDOUT`));
let bytes = 0;
for await (const chunk of stream) bytes += (chunk as Buffer).byteLength;
await client.end();
process.stdout.write(JSON.stringify({ bytes, rows: stream.rowCount }));
