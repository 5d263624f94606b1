import type { Answer } from './answer.js';
import type { SandboxRequest } from './request.js';

export const PLATFORM_NAMES = ['wechat', 'wecom', 'dingtalk', 'nextengine'] as const;

/** The platforms the sandbox simulates. */
export type PlatformName = (typeof PLATFORM_NAMES)[number];

/** An answer to be made up in the platform's own error envelope. */
export interface Refusal {
  readonly code: string;
  readonly message?: string;
  readonly status?: number;
  /** Whether the work is done before the refusal; undefined leaves it to the platform. */
  readonly work?: boolean;
}

/** A request that has found its endpoint and, without any effect yet, its account. */
export interface PlatformCall {
  readonly endpoint: string;
  readonly account?: string | undefined;
  readonly subject?: string | undefined;
  /** Does what the platform does, with all its effects. */
  work(): Answer;
  refuse(refusal: Refusal): Answer;
  /** The codes that this platform uses, here, for an overload and for maintenance. */
  readonly busy: Refusal;
  readonly maintenance: Refusal;
}

/** One base path of the sandbox and who answers below it. */
export interface Mount {
  readonly path: string;
  readonly platform: PlatformName;
  open(request: SandboxRequest): PlatformCall;
}

/** The simulator of one platform. */
export interface Simulator<State> {
  readonly mounts: readonly Mount[];
  state(): State;
  reset(): void;
  /** Does what is due by the clock, such as a push. Called whenever time may have passed. */
  tick?(): void;
}
