/** What the author of a store needs: the port, the record, and the port's operations as pure functions. */
export { cursorOf, DueIndex } from './due-index.js';
export { duePage, listPage } from './pages.js';
export {
  type AttemptFailure,
  type AttemptPart,
  emptyRecord,
  type Intent,
  isAbsent,
  type Lineage,
  NO_ATTEMPT,
  RECORD_VERSION,
  type TokenPart,
  type TokenRecord,
  type TokenState,
} from './record.js';
export {
  claimStep,
  commitStep,
  isDue,
  leaseLives,
  noteStep,
  parkStep,
  removeStep,
  renewStep,
  type Step,
} from './steps.js';
export type {
  AttemptChange,
  CommitOptions,
  DueKey,
  DuePage,
  DueQuery,
  Lease,
  ListFilter,
  NoteOptions,
  Page,
  Seen,
  StoreTraits,
  TokenStore,
} from './store.js';
