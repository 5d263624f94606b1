import type { NextEngineUser } from './account.js';

type Row = Readonly<Record<string, string | null>>;

/** A row of `/api_v1_login_user/info`: every value is a string or null. */
export function userRow(user: NextEngineUser): Row {
  return {
    uid: user.uid,
    pic_id: user.picId ?? '1',
    pic_ne_id: user.picNeId ?? `ne-${user.uid}`,
    pic_name: user.picName ?? '担当者',
    pic_kana: user.picKana ?? 'タントウシャ',
    pic_mail_address: user.picMailAddress ?? `${user.uid}@example.com`,
    pic_post_name: null,
    pic_language_code: 'ja',
    pic_phone: null,
    pic_mobile: null,
    pic_zip_code: null,
    pic_address1: null,
    pic_address2: null,
    pic_birth_date: null,
    pic_entering_company_date: null,
    pic_retirement_date: null,
    pic_charge_shop_id_list: null,
    pic_social_insurance_id: null,
    pic_social_insurance_name: null,
    pic_skin_color: null,
    pic_template_flag: '0',
    pic_deleted_flag: '0',
    pic_creation_date: '2020-04-01 10:00:00',
    pic_creator_id: '1',
    pic_creator_name: '担当者',
    pic_last_modified_date: '2020-04-01 10:00:00',
    pic_last_modified_by_id: '1',
    pic_last_modified_by_name: '担当者',
  };
}

/** A row of `/api_v1_login_company/info`. */
export function companyRow(user: NextEngineUser): Row {
  return {
    ...companySummary(user),
    company_host: 'main.example.com',
    company_type_id: '1',
    company_ip_address: '203.0.113.30',
    company_app_header: '',
  };
}

/** What `/api_neauth` tells next to the tokens. */
export function neauthProfile(user: NextEngineUser): Row {
  const { company_ne_id, company_name, company_kana } = companySummary(user);
  const { uid, pic_ne_id, pic_name, pic_kana, pic_mail_address } = userRow(user);
  const company = { company_ne_id, company_name, company_kana } as Row;
  return { company_app_header: '', ...company, uid, pic_ne_id, pic_name, pic_kana, pic_mail_address } as Row;
}

/** The rows of `/api_app/company`: the companies of users, each once. */
export function companyRows(users: readonly NextEngineUser[]): Row[] {
  return [...new Map(users.map((user) => [companyIdOf(user), companySummary(user)])).values()];
}

/** The company at the main function. */
export function companyIdOf(user: NextEngineUser): string {
  return user.companyId ?? '1000';
}

export function companySummary(user: NextEngineUser): Row {
  return {
    company_id: companyIdOf(user),
    company_ne_id: user.companyNeId ?? 'ne-company-1000',
    company_name: user.companyName ?? '株式会社サンドボックス',
    company_kana: user.companyKana ?? 'カブシキガイシャサンドボックス',
  };
}
