import type { Readable } from 'node:stream';

/** A file of another tool. */
export interface SourceFile {
  /** Below the place, with `/` between folders: `backups/20260131/…`. */
  readonly name: string;
  readonly bytes: number;
}

/**
 * The port to the files of another tool: a folder, or a prefix in a bucket. It only reads. Every
 * call takes a signal that ends it.
 */
export interface SourceFiles {
  /** For messages: the folder or the URL, without a secret. */
  readonly place: string;

  /**
   * Every file, in any order; with `below` (ending in `/`), only those of that folder. A folder
   * that is not there has no files, but a place that cannot be read is an error.
   */
  list(signal: AbortSignal, below?: string): Promise<readonly SourceFile[]>;

  /**
   * The bytes of a file, read as fast as the consumer takes them. The stream ends only behind the
   * last byte; a read that breaks off continues there or destroys the stream with an error. The
   * consumer must read it to its end or destroy it.
   */
  open(name: string, signal: AbortSignal): Promise<Readable>;

  /** Closes connections. The files must not be used afterwards. */
  close(): Promise<void>;
}
