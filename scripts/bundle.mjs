// Bundles a package's entries: Node pays for each module it loads, and a token library is loaded by every program start.
// What only some programs use stays apart: other entries, and whatever the source imports with `import()`.
import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.values(exports)
  .map((target) => target.default)
  .filter((file) => file !== undefined)
  .map((file) => file.replace(/^\.\/dist\/(.*)\.js$/, '$1'));

const bundle = await rolldown({
  input: Object.fromEntries(entries.map((name) => [name, join('src', `${name}.ts`)])),
  external: /^(node:|@)/,
  platform: 'node',
});
rmSync('dist', { recursive: true, force: true });
await bundle.write({
  dir: 'dist',
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name].js',
  // The declarations carry the documentation; here it would only be read and thrown away at every start.
  comments: { legal: true, annotation: true, jsdoc: false },
  codeSplitting: { groups: [{ name: 'main', test: mainGraph(await staticGraph(resolve('src/index.ts'))) }] },
});
await bundle.close();

/** All modules the main entry needs at once: they make one file, whoever else shares them. */
async function staticGraph(entry) {
  const graph = new Set();
  const probe = await rolldown({
    input: entry,
    external: /^(node:|@)/,
    platform: 'node',
    treeshake: false,
    plugins: [
      {
        name: 'graph',
        buildEnd() {
          const visit = (id) => {
            if (graph.has(id)) return;
            graph.add(id);
            for (const next of this.getModuleInfo(id)?.importedIds ?? []) visit(next);
          };
          visit(entry);
        },
      },
    ],
  });
  await probe.generate({ format: 'esm' });
  await probe.close();
  return graph;
}

function mainGraph(graph) {
  return (id) => graph.has(id) && entries.length > 1;
}
