export type { DingTalkStreamEvent } from './stream/frame.js';
export { type DingTalkStream, type StreamOptions, startStream } from './stream/stream.js';
export { type StreamedSuite, type SuiteStreamOptions, suiteStream } from './stream/suite-stream.js';
