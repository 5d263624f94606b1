import type { DingTalkOapi } from '@evertoken/dingtalk';
import { BadRequestException } from '@nestjs/common';

/** What is shown of an employee. */
export interface Employee {
  readonly userid: string;
  readonly unionid: string;
  readonly name: string;
}

/** Looks an employee up by user id; on a real account the app needs the permission to read contacts. */
export async function employeeOf(oapi: DingTalkOapi, id: string): Promise<Employee> {
  const { result } = await oapi.post<{ result: Employee }>('/topapi/v2/user/get', { userid: id });
  const { userid, unionid, name } = result;
  return { userid, unionid, name };
}

/** A user id out of a query, which may have none or several. */
export function userIdOf(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new BadRequestException('"userid" is missing');
}
