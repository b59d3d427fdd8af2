/** Name and version in plans and reports. A unit test compares the version with package.json. */
export const TOOL = 'stowage 0.1.0';
