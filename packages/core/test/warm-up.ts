import { memoryStore, TokenManager } from '../src/index.js';
import { ManualClock } from '../src/testing/index.js';
import { ModelPlatform, modelAccount, network } from './model-platform.js';

/** Loads what a manager loads on first use: on a clock that runs by itself that would take hours. */
export async function warmUp(): Promise<void> {
  const clock = new ManualClock();
  const accounts = [modelAccount(new ModelPlatform(clock))];
  const manager = new TokenManager({ accounts, clock, fetch: network, store: memoryStore({ clock }) });
  await manager.refreshDue();
  await manager.close();
}
