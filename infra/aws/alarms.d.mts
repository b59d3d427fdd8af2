/** What TypeScript may know of alarms.mjs, which osls must be able to load as it is. */
export interface Alarm {
  readonly Properties: {
    readonly Namespace: string;
    readonly MetricName: string;
    readonly Dimensions: readonly { readonly Name: string }[];
    readonly Period: number;
    readonly EvaluationPeriods: number;
  };
}
export function resources(): { readonly Resources: Readonly<Record<string, Alarm>> };
