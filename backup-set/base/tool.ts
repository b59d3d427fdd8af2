/** Name and version in plans and reports. A unit test compares the version with package.json. */
export const TOOL = 'stowage 1.0.0-rc.1';
