import { BANK, bankSql } from './bank.ts';

/** A bank, a partitioned table, and a table without foreign keys, for tests of selection. */
export const selectionSql = (content: number) => `${bankSql(content)}
CREATE SCHEMA parts;
CREATE TABLE parts.event (id int NOT NULL, day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts.event_2025 PARTITION OF parts.event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE parts.event_2026 PARTITION OF parts.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO parts.event SELECT i, date '2025-06-01' + i FROM generate_series(1, 400) i;
CREATE SCHEMA misc;
CREATE TABLE misc.note (id int PRIMARY KEY, t text);
INSERT INTO misc.note SELECT i, 'note ' || i || ' on ${content}' FROM generate_series(1, 50) i;
INSERT INTO ${BANK}.transfer (account, amount, peer_content) SELECT i, 0, 0 FROM generate_series(1, 10) i;
`;
