import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { DIMENSION, embedded, METRICS, NAMESPACE } from '../../functions/lambda/metrics.ts';
import { type Alarm, resources } from './alarms.mjs';
import { LANES, pascal } from './lanes.mjs';

describe('the metrics of the functions', () => {
  test('are logged in the embedded metric format of CloudWatch', () => {
    const line = embedded('s3://b/p/', new Date(1000), { SetsCommitted: 1, JobMs: 12.5 });
    expect(JSON.parse(JSON.stringify(line))).toEqual({
      _aws: {
        Timestamp: 1000,
        CloudWatchMetrics: [
          {
            Namespace: 'Stowage',
            Dimensions: [['Root']],
            Metrics: [
              { Name: 'SetsCommitted', Unit: 'Count' },
              { Name: 'JobMs', Unit: 'Milliseconds' },
            ],
          },
        ],
      },
      Root: 's3://b/p/',
      SetsCommitted: 1,
      JobMs: 12.5,
    });
  });

  test('have the database as a second dimension where they are about one set, and only there', () => {
    const line = embedded('s3://b/p/', new Date(1000), {
      SetsCommitted: 1,
      SetBytes: 12,
      database: 'orders',
    });
    expect(line).toMatchObject({
      _aws: {
        CloudWatchMetrics: [
          { Dimensions: [['Root']], Metrics: [{ Name: 'SetsCommitted' }] },
          { Dimensions: [['Root', 'Database']], Metrics: [{ Name: 'SetBytes' }] },
        ],
      },
      Database: 'orders',
      SetBytes: 12,
    });
  });

  test('have the names and the dimension that the alarms use', () => {
    const watched = Object.values(resources().Resources)
      .map(({ Properties }) => Properties)
      .filter(({ Namespace }) => !Namespace.startsWith('AWS/'));
    expect(watched.length).toBeGreaterThan(4);
    for (const { Namespace, MetricName, Dimensions } of watched) {
      expect(Namespace).toBe(NAMESPACE);
      expect(Object.keys(METRICS)).toContain(MetricName);
      expect(Dimensions.map(({ Name }) => Name)).toEqual([DIMENSION]);
    }
  });
});

describe('an alarm that waits for a second failure', () => {
  const alarms = resources().Resources;
  /** Seconds that an alarm evaluates. */
  const span = (name: string) => {
    const { Period, EvaluationPeriods } = (alarms[name] as Alarm).Properties;
    return Period * EvaluationPeriods;
  };
  /** A failed message is delivered again after its visibility timeout: six times the function's. */
  const pauseOf = ({ timeout }: { timeout: number }) => 6 * timeout;

  test.each(LANES)('of $name looks back until its message is delivered again', (lane) => {
    expect(span(`${pascal(lane.name)}ErrorsAlarm`)).toBeGreaterThanOrEqual(2 * pauseOf(lane));
    expect(span('JobsFailedAlarm')).toBeGreaterThanOrEqual(2 * pauseOf(lane));
  });

  test('of the sweeper looks back over two sweeps at the longest interval', async () => {
    const text = await readFile(new URL('resources/parameters.yml', import.meta.url), 'utf8');
    const [, minutes] = /SweepMinutes:.*?MaxValue: (\d+)/s.exec(text) ?? [];
    expect(span('SweepErrorsAlarm')).toBeGreaterThanOrEqual(2 * 60 * Number(minutes));
  });
});
