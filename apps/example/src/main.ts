import { fileURLToPath } from 'node:url';
import { readSettings } from './settings.js';
import { startExample } from './start-example.js';

async function main(): Promise<void> {
  loadEnvironment(fileURLToPath(new URL('../.env', import.meta.url)));
  const { url, platforms } = await startExample(readSettings(process.env));
  console.log(`Evertoken example: ${url}`);
  if (platforms.sandbox) console.log(`Sandbox: ${platforms.sandbox.url}`);
}

/** What the environment says already wins over the file; there need not be one. */
function loadEnvironment(path: string): void {
  try {
    process.loadEnvFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
