export { type FetchWithTokenOptions, fetchWithToken } from './fetch-with-token.js';
export { rejectedByCode, type TokenAnswer } from './token-answer.js';
export type { TokenPlace } from './token-place.js';
export type { TokenRequestOptions } from './token-request-options.js';
