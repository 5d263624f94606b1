// Dependencies point one way (design: "Packages and arrows"). Checks manifests and every import of every source file.
import { globSync, readFileSync } from './files.mjs';

const CORE = '@evertoken/core';
/** What each package may import of ours, in its source. */
const ALLOWED = {
  core: [],
  cli: [CORE],
  sandbox: [],
  wechat: [CORE],
  dingtalk: [CORE],
  nextengine: [CORE],
  nestjs: [CORE],
  opentelemetry: [CORE],
  'store-redis': [CORE],
  'store-sql': [CORE],
};
/** Examples in doc comments import what their readers have. */
const DOC_LINE = /^\s*\*.*$/gm;
const IMPORT = /(?<![.\w])(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g;

const problems = [];
for (const manifestPath of globSync('packages/*/package.json')) {
  const name = manifestPath.split('/')[1];
  const allowed = ALLOWED[name];
  if (!allowed) {
    problems.push(`${manifestPath}: scripts/check-dependencies.mjs does not know this package; say what it may import`);
    continue;
  }
  const manifest = JSON.parse(readFileSync(manifestPath));
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies };
  for (const dependency of Object.keys(declared)) {
    if (dependency.startsWith('@evertoken/') && !allowed.includes(dependency))
      problems.push(`${manifestPath}: "${dependency}" points the wrong way`);
  }
  if (name === 'core' && Object.keys(declared).length > 0) problems.push(`${manifestPath}: core has no dependencies`);
  for (const file of globSync(`packages/${name}/src/**/*.ts`)) {
    for (const [, target] of readFileSync(file).replace(DOC_LINE, '').matchAll(IMPORT)) {
      const ours = target.match(/^@evertoken\/[^/]+/)?.[0];
      if (ours && !allowed.includes(ours)) problems.push(`${file}: imports ${target}`);
      const foreign = target.match(/^(@[\w.-]+\/[\w.-]+|[a-z][\w.:-]*)/i)?.[0];
      if (!ours && foreign && !foreign.startsWith('node:') && !(foreign in declared))
        problems.push(`${file}: imports ${target}, which package.json does not declare`);
    }
    if (/^export \* /m.test(readFileSync(file))) problems.push(`${file}: export * hides what is exported`);
  }
}
for (const file of globSync('packages/core/src/**/*.ts')) {
  const words = readFileSync(file).match(/\b(wechat|dingtalk|next ?engine|wecom)\b/i);
  if (words) problems.push(`${file}: core knows no platform, but says "${words[0]}"`);
}
for (const file of globSync(
  ...['core', 'wechat', 'dingtalk', 'nextengine'].map((name) => `packages/${name}/src/**/*.ts`),
)) {
  if (/\/(clock|random)\.ts$/.test(file)) continue;
  const direct = readFileSync(file).match(/\b(Date\.now\(|new Date\(\)|Math\.random\()/);
  if (direct) problems.push(`${file}: ${direct[0]} instead of the injected clock or randomness`);
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log('Dependencies point one way.');
