// Bundles a package's entries: Node pays for each module it loads, and a token library is loaded by every program start.
// What only some programs use stays apart: other entries, and whatever the source imports with `import()`.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

/** What comes from `node_modules` or from Node itself. */
const BARE = /^(node:|@|[a-z][\w.-]*(\/|$))/;

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.values(exports)
  .map((target) => target.default)
  .filter((file) => file !== undefined)
  .map((file) => file.replace(/^\.\/dist\/(.*)\.js$/, '$1'));

const bundle = await rolldown({
  input: Object.fromEntries(entries.map((name) => [name, join('src', `${name}.ts`)])),
  external: BARE,
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
if (entries.length > 1) foldIntoMainEntry();

/**
 * Moves the main chunk into the main entry, because the file that is loaded most should be one file and not a list of names
 * in front of another. The chunk stays as the way from the other entries to what they share, through one export that is
 * nobody else's business and that no declaration mentions.
 */
function foldIntoMainEntry() {
  const facade = readFileSync('dist/index.js', 'utf8');
  const chunk = readFileSync('dist/chunks/main.js', 'utf8');
  const [, published] = only(facade, /^export \{ (.*) \} from "\.\/chunks\/main\.js";$/gm);
  const [statement, exported] = only(chunk, /^export \{ (.*) \};$/gm);
  const shared = exported.split(', ').map((pair) => pair.split(' as '));
  const local = Object.fromEntries(shared.map(([name, alias = name]) => [alias, name]));
  const names = published.split(', ').map((pair) => pair.split(' as '));
  const list = names.map(([alias, name = alias]) => (local[alias] === name ? name : `${local[alias]} as ${name}`));
  const code = chunk.replace(statement, '').replaceAll(/(import\(|from )"\.\//g, '$1"./chunks/');
  const internals = shared.map(([name, alias = name]) => (name === alias ? name : `${alias}: ${name}`)).join(', ');
  writeFileSync(
    'dist/index.js',
    `${code}const __internals = { ${internals} };\nexport { ${list.join(', ')}, __internals };\n`,
  );
  const aliases = Object.keys(local).join(', ');
  writeFileSync(
    'dist/chunks/main.js',
    `import { __internals } from "../index.js";\nexport const { ${aliases} } = __internals;\n`,
  );
}

/** The one match; anything else means that the bundler writes differently by now. */
function only(text, pattern) {
  const matches = [...text.matchAll(pattern)];
  if (matches.length !== 1) throw new Error(`expected one match of ${pattern}, found ${matches.length}`);
  return matches[0];
}

/** All modules the main entry needs at once: they make one file, whoever else shares them. */
async function staticGraph(entry) {
  const graph = new Set();
  const probe = await rolldown({
    input: entry,
    external: BARE,
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
