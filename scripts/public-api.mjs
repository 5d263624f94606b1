// What the packages publish: every entry's exports, as the compiler sees them in the declarations that were built.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SyntaxKind } from 'typescript/unstable/ast';
import { API, SymbolFlags } from 'typescript/unstable/sync';
import { globSync } from './files.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Names of the packages' folders that are published. */
export function publishedPackages() {
  return globSync('packages/*/package.json')
    .filter((path) => !manifestOf(path).private)
    .map((path) => path.split('/')[1])
    .sort();
}

/**
 * The public API of packages, by folder: `markdown` shows every exported declaration without its comments, entry by entry;
 * `undocumented` names what nothing is said of, as `specifier: Name.member`.
 */
export function readPublicApi(folders) {
  const entries = folders.flatMap((folder) => entriesOf(folder));
  return withProject(
    entries.map(({ file }) => file),
    (project) => {
      const read = folders.map((folder) => {
        const own = entries.filter((entry) => entry.folder === folder);
        return [folder, reportOf(project, folder, own)];
      });
      return Object.fromEntries(read);
    },
  );
}

function reportOf(project, folder, entries) {
  const { name } = manifestOf(`packages/${folder}/package.json`);
  const undocumented = [];
  const sections = entries.map(({ specifier, file }) => {
    const declared = exportsOf(project, file);
    for (const { name, symbol } of declared) {
      for (const member of silentPartsOf(project, name, symbol)) undocumented.push(`${specifier}: ${member}`);
    }
    const code = declared.map(({ name, symbol }) => declarationOf(project, name, symbol, folder)).join('\n\n');
    return `## \`${specifier}\`\n\n\`\`\`ts\n${code}\n\`\`\`\n`;
  });
  const about = `What \`${name}\` exports, as built; a change here is a change for its users. Written by \`npm run api\`.`;
  return { markdown: `# Public API\n\n${about}\n\n${sections.join('\n')}`, undocumented };
}

/** What an entry exports, by name; aliases followed to where they lead. */
function exportsOf({ program, checker }, file) {
  const source = program.getSourceFile(file);
  if (!source) throw new Error(`${file} is not there: build first`);
  const module = checker.getSymbolAtLocation(source);
  return checker
    .getExportsOfModule(module)
    .map((symbol) => ({
      name: symbol.name,
      symbol: symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A declaration without comments and private parts; one line for what another package declares. */
function declarationOf({ emitter }, name, symbol, folder) {
  const nodes = symbol.declarations.map((handle) => handle.resolve());
  const [path = ''] = symbol.declarations.map((handle) => handle.path);
  const home = /packages\/([^/]+)\/dist\//.exec(path)?.[1];
  if (home !== folder) return `export { ${name} } from '${home === undefined ? 'elsewhere' : `@evertoken/${home}`}';`;
  const text = nodes
    .map((node) =>
      emitter
        .printNode(node)
        .replaceAll(/^\s*(#private;|private .*;)\n/gm, '')
        .replace(/^(export )?(declare )?/, ''),
    )
    .join('\n');
  const isVariable = nodes.every((node) => node.kind === SyntaxKind.VariableDeclaration);
  const shown = `export ${isVariable ? 'const ' : ''}${text}${isVariable ? ';' : ''}`;
  return symbol.name === name ? shown : `${shown}\nexport { ${symbol.name} as ${name} };`;
}

/** Names of the export and of the members that no comment is about. What a function takes and gives is said where the function is. */
function silentPartsOf({ checker }, name, symbol) {
  const silent = commentOf(symbol) === '' ? [name] : [];
  for (const handle of symbol.declarations) {
    const node = handle.resolve();
    if (node.kind !== SyntaxKind.FunctionDeclaration) visit(node, name, inheritedOf(node));
  }
  return [...new Set(silent)];

  function visit(node, path, inherited) {
    node.forEachChild((child) => {
      if (ELSEWHERE.has(child.kind)) return;
      if (!MEMBERS.has(child.kind)) {
        visit(child, path, inherited);
        return;
      }
      if (child.name.kind !== SyntaxKind.Identifier || isPrivate(child)) return;
      const member = checker.getSymbolAtLocation(child.name);
      // `never` keeps a variant of a union from having it: there is nothing to say of it.
      const isAbsent = child.type?.kind === SyntaxKind.NeverKeyword;
      const isSilent = [member, ...inherited.map((type) => checker.getPropertyOfType(type, member.name))].every(
        (one) => one === undefined || commentOf(one) === '',
      );
      if (!isAbsent && isSilent) silent.push(`${path}.${member.name}`);
      // Entries of a table have the shape that its own comment tells.
      const isEntry = (symbol.flags & SymbolFlags.Variable) !== 0;
      if (!METHODS.has(child.kind) && !isEntry) visit(child, `${path}.${member.name}`, []);
    });
  }

  function commentOf(symbol) {
    return checker.getDocumentationCommentOfSymbol(symbol);
  }

  /** What a class or interface promises elsewhere need not be said again. */
  function inheritedOf(node) {
    const clauses = (node.heritageClauses ?? []).flatMap(({ types }) => [...types]);
    return clauses.map((clause) => checker.getTypeAtLocation(clause)).filter((type) => type !== undefined);
  }
}

const METHODS = new Set([SyntaxKind.MethodSignature, SyntaxKind.MethodDeclaration]);
const MEMBERS = new Set([
  ...METHODS,
  SyntaxKind.PropertySignature,
  SyntaxKind.PropertyDeclaration,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
]);
const ELSEWHERE = new Set([
  SyntaxKind.Parameter,
  SyntaxKind.TypeParameter,
  SyntaxKind.FunctionType,
  // A table's entries again: `Record<string, { … }>`.
  SyntaxKind.TypeReference,
]);

function isPrivate(node) {
  return (node.modifiers ?? []).some(({ kind }) => kind === SyntaxKind.PrivateKeyword);
}

function entriesOf(folder) {
  const { name, exports } = manifestOf(`packages/${folder}/package.json`);
  return Object.entries(exports ?? {})
    .filter(([, target]) => typeof target === 'object')
    .map(([path, { types }]) => ({
      folder,
      specifier: join(name, path),
      file: join(ROOT, 'packages', folder, types),
    }));
}

function manifestOf(path) {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
}

/** Opens the files as one project of the compiler's. */
function withProject(files, work) {
  const folder = mkdtempSync(join(tmpdir(), 'evertoken-api-'));
  const config = join(folder, 'tsconfig.json');
  const typeRoots = [join(ROOT, 'node_modules/@types')];
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.base.json'),
      compilerOptions: { noEmit: true, types: ['node'], typeRoots },
      files,
    }),
  );
  const api = new API({ cwd: ROOT });
  try {
    const [project] = api.updateSnapshot({ openProjects: [config] }).getProjects();
    return work(project);
  } finally {
    api.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
