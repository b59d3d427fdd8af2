import { StowageError } from '../../backup-set/base/errors.ts';
import type { RequestSettings } from '../../functions/serve/console/requests/desk.ts';
import type { ClusterContext } from '../context.ts';
import { secretIn } from '../serve-settings.ts';

/** Documents in the bucket have an HMAC with it as the key: a short one could be guessed there. */
const CHARS_MIN = 32;

const field = 'requests.tokenFile';

/** The token of requests; undefined without `requests` in the configuration. */
export async function requestTokenOf({
  config,
  env,
}: Pick<ClusterContext, 'config' | 'env'>): Promise<string | undefined> {
  if (config.requests === undefined) return undefined;
  const token = env['STOWAGE_REQUEST_TOKEN'] || (await secretIn(config.requests.tokenFile, field));
  if (token === undefined)
    throw new StowageError(
      'config/invalid',
      'requests need a token: set requests.tokenFile or STOWAGE_REQUEST_TOKEN',
      { where: { field } },
    );
  if (token.length < CHARS_MIN)
    throw new StowageError(
      'config/invalid',
      `the token of requests has ${token.length} characters and needs ${CHARS_MIN}: openssl rand -hex 32 > FILE`,
      { where: { field } },
    );
  return token;
}

/** For a reader that only shows requests: undefined where it may not read the token. */
export async function knownToken(
  context: Pick<ClusterContext, 'config' | 'env'>,
): Promise<string | undefined> {
  return requestTokenOf(context).catch(() => undefined);
}

/**
 * What `serve` needs to take requests; undefined without `requests` or without a console.
 * @param others the other secrets of `serve`: a second token must differ from them.
 */
export async function requestSettings(
  context: Pick<ClusterContext, 'config' | 'env'>,
  others: readonly string[],
): Promise<RequestSettings | undefined> {
  const { requests, console } = context.config;
  if (console === undefined || requests === undefined) return undefined;
  const token = await requestTokenOf(context);
  if (token === undefined) return undefined;
  if (others.includes(token))
    throw new StowageError(
      'config/invalid',
      'the token of requests is also another secret of serve: it must be a second one',
      { where: { field } },
    );
  const targets = requests.targets.map(({ config: _, ...target }) => target);
  return { token, expireHours: requests.expireHours, targets };
}
