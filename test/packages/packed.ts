import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const run = promisify(execFile);

/** What is used of a package's manifest. */
export interface Manifest {
  readonly name: string;
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** The packages as a registry would hand them out. */
export interface Packed {
  /** A project beside which they can be installed. */
  readonly folder: string;
  readonly manifests: readonly Manifest[];
  /** The installed folder of a package. */
  at(name: string): string;
  remove(): Promise<void>;
}

/** Packs every package and unpacks it into the `node_modules` of an empty project. */
export async function packAll(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), 'evertoken-packed-'));
  const tarballs = join(folder, 'tarballs');
  const pnpm = ['scripts/pnpm.mjs', '-r', '--filter', './packages/*', 'pack', '--pack-destination', tarballs];
  await run(process.execPath, pnpm, { cwd: ROOT });
  const manifests: Manifest[] = [];
  for (const tarball of await readdir(tarballs)) {
    const target = join(folder, 'unpacked', tarball.replace(/-[\d.]+\.tgz$/, ''));
    await mkdir(target, { recursive: true });
    await run('tar', ['xzf', join(tarballs, tarball), '-C', target, '--strip-components=1']);
    manifests.push(JSON.parse(await readFile(join(target, 'package.json'), 'utf8')));
  }
  return {
    folder,
    manifests,
    at: (name) => join(folder, 'unpacked', name.replace('@', '').replace('/', '-')),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A project that has the packages and what they need: with their optional peers, or without. */
export async function projectWith(packed: Packed, { optionalPeers }: { readonly optionalPeers: boolean }) {
  const folder = join(packed.folder, optionalPeers ? 'with-all' : 'with-what-must-be');
  const modules = join(folder, 'node_modules');
  for (const manifest of packed.manifests) {
    await mkdir(join(modules, dirname(manifest.name)), { recursive: true });
    // Copied and not linked: Node and TypeScript look for what a package needs beside where it really is.
    await run('cp', ['-R', packed.at(manifest.name), join(modules, manifest.name)]);
    for (const dependency of neededBy(manifest, optionalPeers)) await link(manifest.name, dependency, modules);
  }
  return folder;
}

function neededBy({ dependencies, peerDependencies, peerDependenciesMeta }: Manifest, optionalPeers: boolean) {
  const peers = Object.keys(peerDependencies ?? {});
  const wanted = peers.filter((peer) => optionalPeers || peerDependenciesMeta?.[peer]?.optional !== true);
  return [...Object.keys(dependencies ?? {}), ...wanted].filter((name) => !name.startsWith('@evertoken/'));
}

async function link(owner: string, dependency: string, modules: string): Promise<void> {
  const place = join(modules, dependency);
  await mkdir(dirname(place), { recursive: true });
  const installed = [`packages/${owner.replace('@evertoken/', '')}`, '.'].map((from) =>
    realpath(join(ROOT, from, 'node_modules', dependency)),
  );
  await symlink(await Promise.any(installed), place).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** What can be imported, with the package's manifest left out: `@evertoken/core/file`. */
export function entriesOf({ name, exports }: Manifest): readonly string[] {
  return Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([path]) => join(name, path));
}
