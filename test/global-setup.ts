import { startBroker } from '@evertoken/test-servers';

/** Before the first test file: whoever needs a server asks here, and all are stopped after the last one. */
export async function setup(): Promise<() => Promise<void>> {
  const broker = await startBroker();
  return () => broker.stop();
}
