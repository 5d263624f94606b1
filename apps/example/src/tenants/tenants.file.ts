import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** An official account that somebody registered while the application runs. */
export interface Tenant {
  /** The account's name. */
  readonly name: string;
  readonly appId: string;
  readonly secret: string;
  /** Changes with the tenant. */
  readonly updatedAt: number;
}

/** The table of tenants: here a file, mode 0600, for their secrets stand in it. An application of your own has a database. */
export class TenantsFile {
  readonly #path: string;
  /** One change at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** All tenants, in the order they came. */
  async read(): Promise<readonly Tenant[]> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8')) as Tenant[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Adds a tenant, or changes the one of that name. */
  async put(tenant: Omit<Tenant, 'updatedAt'>): Promise<void> {
    await this.#change((tenants) => [
      ...tenants.filter(({ name }) => name !== tenant.name),
      { ...tenant, updatedAt: Date.now() },
    ]);
  }

  /** Whether there was one of that name. */
  async remove(name: string): Promise<boolean> {
    let found = false;
    await this.#change((tenants) => {
      found = tenants.some((tenant) => tenant.name === name);
      return tenants.filter((tenant) => tenant.name !== name);
    });
    return found;
  }

  #change(change: (tenants: readonly Tenant[]) => readonly Tenant[]): Promise<void> {
    const work = this.#last.then(async () => {
      const tenants = change(await this.read());
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      await writeFile(`${this.#path}.new`, JSON.stringify(tenants), { mode: 0o600 });
      await rename(`${this.#path}.new`, this.#path);
    });
    this.#last = work.catch(() => {});
    return work;
  }
}
