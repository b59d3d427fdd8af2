/** The types of alarms.mjs: osls must be able to load that file without a build. */
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
