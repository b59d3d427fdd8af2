import { fileURLToPath } from 'node:url';
import { messageOf, StowageError } from '../backup-set/base/errors.ts';
import { markModuleUsed } from './mark-module-used.ts';
import { StoreSettings } from './settings.ts';
import type { ObjectStore } from './store.ts';

/**
 * Opens the store that a root URL names. Contacts no server and creates nothing; `probeStore`
 * checks that the store works. @throws StowageError `config/invalid` naming the field.
 */
export async function openStore(settings: StoreSettings): Promise<ObjectStore> {
  const parsed = StoreSettings.safeParse(settings, { jitless: true });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(issue?.path.map(String).join('.') || 'root', issue?.message ?? 'is invalid');
  }
  const url = rootUrl(settings.root);
  markModuleUsed(url.protocol);
  // Loaded only when the root needs it: the AWS SDK is most of a program's code.
  if (url.protocol === 'file:') {
    const path = directoryPath(url);
    return (await import('./directory/directory.ts')).openDirectory(path);
  }
  const [bucket, prefix] = bucketAndPrefix(url);
  const { openS3 } = await import('./s3/s3.ts');
  return openS3(bucket, prefix, settings.s3 ?? {}, settings.stallSeconds);
}

function rootUrl(root: string): URL {
  const url = URL.parse(root);
  if (url === null)
    throw invalid(
      'root',
      `"${root}" is not a URL; write file:///absolute/path or s3://bucket/prefix`,
    );
  if (url.protocol !== 'file:' && url.protocol !== 's3:') {
    throw invalid(
      'root',
      `${url.protocol}// is not supported; write file:///absolute/path or s3://bucket/prefix`,
    );
  }
  // The message does not quote the URL: it may contain a password.
  if (url.username !== '' || url.password !== '')
    throw invalid(
      'root',
      'the URL must not contain credentials; use the AWS_… variables or ~/.aws',
    );
  if (url.search !== '' || url.hash !== '')
    throw invalid('root', `"${root}" must not have a ? or # part`);
  return url;
}

function directoryPath(url: URL): string {
  try {
    const path = fileURLToPath(url);
    return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  } catch (error) {
    throw invalid('root', `"${url.href}": ${messageOf(error)}; write file:///absolute/path`, error);
  }
}

/** @returns the prefix as it stands before a key: empty, or ending in a slash. */
function bucketAndPrefix(url: URL): [bucket: string, prefix: string] {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.hostname)) {
    throw invalid('root', `"${url.hostname}" is not a bucket name; write s3://bucket/prefix`);
  }
  if (url.port !== '')
    throw invalid(
      'root',
      's3:// takes a bucket, not a host and port; set the server in s3.endpoint',
    );
  const path = decodePath(url).replace(/^\//, '').replace(/\/$/, '');
  if (path.split('/').some((segment) => segment === '') && path !== '') {
    throw invalid('root', `"${url.href}" has an empty path segment`);
  }
  return [url.hostname, path === '' ? '' : `${path}/`];
}

function decodePath(url: URL): string {
  try {
    return decodeURIComponent(url.pathname);
  } catch (error) {
    throw invalid('root', `"${url.href}" has an invalid percent encoding`, error);
  }
}

function invalid(field: string, message: string, cause?: unknown): StowageError {
  return new StowageError('config/invalid', `${field}: ${message}`, { cause, where: { field } });
}
