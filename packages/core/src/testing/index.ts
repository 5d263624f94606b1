/** For tests: of users, of stores, of providers. */
export { type AccountContractOptions, accountContract } from './account-contract.js';
export { type FixedTokens, fixedTokens, type Rejection } from './fixed-tokens.js';
export { ManualClock } from './manual-clock.js';
export { type SourceContractOptions, type SourceUnderTest, sourceContract } from './source-contract.js';
export { type OptionalOperation, type StoreContractOptions, storeContract, type TestRunner } from './store-contract.js';
