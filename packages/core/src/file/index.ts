/** Keeps tokens in files of this host. */
export { type FileStoreOptions, fileStore } from './file-store.js';
