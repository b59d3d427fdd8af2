import type { ApiError, Ask } from '../../functions/serve/console/api.ts';
import { ApiFailure, apiAddress } from './api.ts';

const TIMEOUT_MS = 60_000;

/**
 * Asks for a restore. The token goes in a header, which no form of another site can send.
 * @throws ApiFailure
 */
export async function askForRestore(ask: Ask, token: string): Promise<string> {
  const response = await fetch(apiAddress(0, 'requests'), {
    method: 'POST',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    cache: 'no-store',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json', 'stowage-request-token': token },
    body: JSON.stringify(ask),
  });
  const body = (await response.json().catch(() => ({}))) as { id?: string } & Partial<ApiError>;
  if (response.ok && body.id !== undefined) return body.id;
  throw new ApiFailure({
    code: body.error?.code ?? `http/${response.status}`,
    message: body.error?.message ?? `the server answered ${response.status}`,
  });
}
