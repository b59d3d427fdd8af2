/** What is wrong with a file of another tool's set. */
export class UnsoundScript extends Error {}
