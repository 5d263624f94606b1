/** Where a sandbox lives, and its clock. */
export interface SandboxPlace {
  /** Its control address. */
  readonly url: string;
  /** How far its clock is ahead of the system's, ms. */
  readonly offsetMs: number;
  /** Whether it knows nothing of this application yet: nobody has authorized anything. */
  readonly isNew: boolean;
  /** Its time, Unix ms. */
  now(): number;
  /** The clock is known to have been moved. */
  learn(offsetMs: number): void;
  /** Calls `listener` whenever the clock was moved, here or by somebody else. */
  onMove(listener: () => void): void;
  /** Something happened that the platforms must not forget. */
  remember(): void;
  close(): Promise<void>;
}
