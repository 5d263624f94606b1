import { TokenAccounts } from '@evertoken/nestjs';
import type { OfficialAccount } from '@evertoken/wechat';
import {
  BadRequestException,
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  NotFoundException,
  Param,
  Put,
  UseGuards,
} from '@nestjs/common';
import { Page } from '../web/page.interceptor.js';
import { SameOriginGuard } from '../web/same-origin.guard.js';
import { type Tenant, TenantsFile } from './tenants.file.js';

/** What is told of a tenant: never the secret. */
type TenantFacts = Omit<Tenant, 'secret'>;

/** Official accounts of the application's own customers: rows that come and go while it runs. */
@Controller('tenants')
export class TenantsController {
  constructor(
    @Inject(TenantsFile) private readonly file: TenantsFile,
    @Inject(TokenAccounts) private readonly accounts: TokenAccounts<OfficialAccount>,
  ) {}

  /** All of them. */
  @Get()
  @Page('Tenants')
  async list(): Promise<{ tenants: TenantFacts[] }> {
    return { tenants: (await this.file.read()).map(factsOf) };
  }

  /** Adds a tenant, or gives it another secret. From now on its tokens are kept fresh; instances that share `DATA_DIR` follow with their next sweep. */
  @Put(':name')
  @UseGuards(SameOriginGuard)
  async put(
    @Param('name') name: string,
    @Body('appId') appId: unknown,
    @Body('secret') secret: unknown,
  ): Promise<Pick<Tenant, 'name' | 'appId'>> {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name))
      throw new BadRequestException('a name has lower-case letters, digits and -');
    if (typeof appId !== 'string') throw new BadRequestException('"appId" is missing');
    if (typeof secret !== 'string') throw new BadRequestException('"secret" is missing');
    const before = (await this.file.read()).find((tenant) => tenant.name === name);
    await this.file.put({ name, appId, secret });
    const problem = (await this.accounts.reload()).failed.find((each) => each.name === name);
    if (problem === undefined) return { name, appId };
    // The manager did not take it: the table should not say otherwise.
    await (before ? this.file.put(before) : this.file.remove(name));
    throw new BadRequestException(problem.error instanceof Error ? problem.error.message : 'it cannot be an account');
  }

  /** Takes a tenant away: its tokens are refreshed no more. */
  @Delete(':name')
  @HttpCode(204)
  @UseGuards(SameOriginGuard)
  async remove(@Param('name') name: string): Promise<void> {
    if (!(await this.file.remove(name))) throw new NotFoundException(`there is no tenant "${name}"`);
    await this.accounts.reload();
  }

  /** A call for one tenant, whose name nobody knew when the application started. */
  @Get(':name/followers')
  @Page('Followers of a tenant')
  async followers(@Param('name') name: string): Promise<{ name: string; total: number }> {
    if (!this.accounts.names().includes(name)) throw new NotFoundException(`there is no tenant "${name}"`);
    const { total } = await this.accounts.client(name).get<{ total: number }>('/cgi-bin/user/get');
    return { name, total };
  }
}

function factsOf({ secret: _, ...facts }: Tenant): TenantFacts {
  return facts;
}
