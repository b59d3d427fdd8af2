import { describe, expect, test } from 'vitest';
import { DIMENSION, embedded, METRICS, NAMESPACE } from '../../functions/metrics.ts';
import { resources } from './alarms.mjs';

describe('the metrics of the functions', () => {
  test('are what CloudWatch finds in a line of the log', () => {
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

  test('are those that the alarms watch, by the same name and dimension', () => {
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
