export type { RedisClientLike, RedisStoreOptions } from './options.js';
export { redisStore } from './store.js';
