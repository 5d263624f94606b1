/** Keeps tokens in files of this host, and what other stores have not acknowledged. */
export { type FileJournalOptions, fileJournal } from './file-journal.js';
export { type FileStoreOptions, fileStore } from './file-store.js';
