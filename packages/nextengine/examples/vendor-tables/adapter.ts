import type { NextEngineUserAdapter, NextEngineUserFacts } from '@evertoken/nextengine';

/** A row as a driver gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement with `?` for its parameters: `async (sql, params) => (await pool.execute(sql, params))[0]`. */
export type Query = (sql: string, params?: readonly (string | number | null)[]) => Promise<readonly Row[]>;

const USERS = `SELECT u.uid, u.next_engine_id, u.email, c.main_function_id, c.platform_id
  FROM users u JOIN companies c ON c.id = u.company_id`;

/**
 * Keeps users in the tables of the vendor's sample. Its token columns are left alone: pairs lie in the grant store. A user whose
 * company at the main function is not known yet is saved with the next answer that tells it, because the table demands one.
 */
export function vendorTables(query: Query): NextEngineUserAdapter {
  return {
    async save({ uid, companyId, companyNeId, picNeId, picMailAddress }) {
      if (companyId === undefined) return;
      await query(
        `INSERT INTO companies (main_function_id, platform_id) VALUES (?, ?)
          ON DUPLICATE KEY UPDATE platform_id = COALESCE(?, platform_id), updated_at = CURRENT_TIMESTAMP`,
        [companyId, companyNeId ?? '', companyNeId ?? null],
      );
      await query(
        `INSERT INTO users (company_id, uid, next_engine_id, email)
          SELECT id, ?, ?, ? FROM companies WHERE main_function_id = ?
          ON DUPLICATE KEY UPDATE company_id = VALUES(company_id), next_engine_id = COALESCE(?, next_engine_id),
            email = COALESCE(?, email), updated_at = CURRENT_TIMESTAMP`,
        [uid, picNeId ?? '', picMailAddress ?? '', companyId, picNeId ?? null, picMailAddress ?? null],
      );
    },
    list: async () => (await query(`${USERS} ORDER BY u.id`)).map(factsOf),
    async find(uid) {
      const [row] = await query(`${USERS} WHERE u.uid = ?`, [uid]);
      return row && factsOf(row);
    },
    async remove(uid) {
      await query('DELETE FROM users WHERE uid = ?', [uid]);
    },
  };
}

/** A row's facts: what is empty is not known. */
export function factsOf(row: Row): NextEngineUserFacts {
  const fact = (name: string, column: string) => (row[column] ? { [name]: String(row[column]) } : {});
  return {
    uid: String(row['uid']),
    ...fact('companyId', 'main_function_id'),
    ...fact('companyNeId', 'platform_id'),
    ...fact('picNeId', 'next_engine_id'),
    ...fact('picMailAddress', 'email'),
  };
}
