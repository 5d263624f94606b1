/** What the author of a store needs: the port, the record, and the port's operations as pure functions. */

export { accountKeyIn } from '../key.js';
export { refuseProblems } from '../options.js';
export { cursorOf, DueIndex } from './due-index.js';
export { duePage, listPage } from './pages.js';
export {
  type AttemptFailure,
  type AttemptPart,
  emptyRecord,
  type Intent,
  isAbsent,
  type Lineage,
  markOf,
  NO_ATTEMPT,
  RECORD_VERSION,
  type TokenPart,
  type TokenRecord,
  type TokenState,
} from './record.js';
export { ROW_COLUMNS, type Row, type RowChange, recordOf, rowOf } from './row.js';
export { type RowGuard, RowStore, type RowUpdate } from './row-store.js';
export { SteppedStore } from './stepped-store.js';
export {
  claimStep,
  commitStep,
  isDue,
  leaseLives,
  noteStep,
  parkStep,
  removeStep,
  renewStep,
  resealStep,
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
