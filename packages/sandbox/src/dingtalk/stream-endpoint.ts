import { escapeHtml, jsonAnswer } from '../answer.js';
import { textField } from '../request.js';
import { type ApiEndpoint, bodyText, requiredBody } from './api-call.js';
import { ApiError } from './api-errors.js';
import type { StreamGateway } from './stream-gateway.js';

/** `POST /v1.0/gateway/connections/open`: no access token, but the client's secret. */
export function streamEndpoint(gateway: StreamGateway): ApiEndpoint {
  return {
    method: 'POST',
    path: '/v1.0/gateway/connections/open',
    identify: (request, directory) => ({ account: directory.client(bodyText(request, 'clientId'))?.account }),
    handle(request, directory) {
      const body = requiredBody(request);
      const client = directory.client(textField(body, 'clientId'));
      if (client === undefined || client.secret !== textField(body, 'clientSecret')) throw new ApiError('authFailed');
      const host = new URL(`http://${request.headers.host ?? '127.0.0.1'}`).hostname;
      return { ...gateway.open(client.account, takesEvents(body['subscriptions']), host) };
    },
    // Who does not ask for JSON gets XML.
    write(body, { headers }) {
      if (headers.accept?.includes('application/json')) return jsonAnswer(body);
      const elements = Object.entries(body).map(([name, value]) => `<${name}>${escapeHtml(String(value))}</${name}>`);
      const text = `<?xml version="1.0" encoding="UTF-8"?><result>${elements.join('')}</result>`;
      return { status: 200, headers: { 'content-type': 'application/xml;charset=UTF-8' }, body: text, outcome: 'ok' };
    },
  };
}

function takesEvents(subscriptions: unknown): boolean {
  return (
    Array.isArray(subscriptions) && subscriptions.some((each: { type?: unknown } | null) => each?.type === 'EVENT')
  );
}
