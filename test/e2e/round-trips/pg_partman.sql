CREATE SCHEMA partman;
CREATE EXTENSION pg_partman SCHEMA partman;
CREATE SCHEMA events;
CREATE TABLE events.measured (at timestamptz NOT NULL, value float8) PARTITION BY RANGE (at);
CREATE TABLE events.of_template (LIKE events.measured);
ALTER TABLE events.of_template ADD PRIMARY KEY (at);
SELECT partman.create_parent('events.measured', 'at', 'native', 'monthly',
  p_start_partition => '2026-01-01', p_template_table => 'events.of_template');
INSERT INTO events.measured SELECT '2026-01-01'::timestamptz + i * interval '1 hour', i FROM generate_series(1, 2000) i;
UPDATE partman.part_config SET retention = '24 months', infinite_time_partitions = true;
