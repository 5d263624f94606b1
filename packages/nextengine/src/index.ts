export type { NextEngineAppOptions } from './app-settings.js';
export { type NextEngineApp, type NextEngineUser, nextEngineApp } from './next-engine-app.js';
export { NextEngineClient } from './next-engine-client.js';
export { NextEngineError, type NextEngineErrorCategory, type SignInProblem } from './nextengine-errors.js';
export type { NextEngineParams, SignedInUser } from './nextengine-wire.js';
export type { SignInCallback } from './sign-in.js';
export type { SignInBinding } from './sign-in-binding.js';
export { type CallOptions, type NextEngineAnswer, NextEngineUserClient } from './user-client.js';
