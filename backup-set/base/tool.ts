/** Name and version of this program as plans and reports carry it; a unit test compares it with package.json. */
export const TOOL = 'stowage 0.1.0';
