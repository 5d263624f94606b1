// Writes down what each package publishes, for whoever reviews a change of it.
import { writeFileSync } from 'node:fs';
import { publishedPackages, readPublicApi } from './public-api.mjs';

const root = new URL('../', import.meta.url);
for (const [folder, { markdown, undocumented }] of Object.entries(readPublicApi(publishedPackages()))) {
  writeFileSync(new URL(`packages/${folder}/api.md`, root), markdown);
  for (const name of undocumented) console.warn(`no comment: ${name}`);
}
