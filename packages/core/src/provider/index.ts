/** What provider packages share to describe accounts and to speak to a platform. */
export { ACCOUNT_OPTIONS, optionProblems } from './options.js';
export { idsOf, malformed, objectOf, type PlatformAnswer, type PlatformRequest, send, subjectOf } from './send.js';
