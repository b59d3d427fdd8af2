/**
 * The version as dpkg and rpm compare it: 1.0.0~rc.1 comes before 1.0.0. `1.0.0-rc.1` would be a
 * revision of 1.0.0 for dpkg, and is no version for rpm.
 */
export const packageVersion = ({ version }: { readonly version: string }) =>
  version.replace('-', '~');
