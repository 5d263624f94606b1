import type { MysqlPool, MysqlPoolConnection } from 'kysely';
import type { Pool, PoolConnection, QueryError } from 'mysql2';

/** What the driver calls a query that had no answer in time; it goes on waiting for the answer on that connection. */
const NO_ANSWER = 'PROTOCOL_SEQUENCE_TIMEOUT';

/**
 * A pool whose queries end within a limit, as Kysely sees it. The driver has none of its own: a server that is there and does
 * not answer would keep every connection, and every call behind them, for as long as it likes.
 */
export function limitedPool(pool: Pool, limitMs: number): MysqlPool {
  return {
    getConnection(callback) {
      pool.getConnection((error, connection) => {
        if (error) callback(error, undefined as unknown as MysqlPoolConnection);
        else callback(null, limited(connection, limitMs));
      });
    },
    end: (callback) => pool.end(callback),
  };
}

function limited(connection: PoolConnection, limitMs: number): MysqlPoolConnection {
  let silent = false;
  const query = (
    text: string,
    values: readonly unknown[],
    callback: (error: QueryError | null, result: unknown) => void,
  ) =>
    connection.query({ sql: text, values: [...values], timeout: limitMs }, (error, result) => {
      silent ||= error?.code === NO_ANSWER;
      callback(error, result);
    });
  return {
    query: query as unknown as MysqlPoolConnection['query'],
    // An answer that comes after all would be taken for that of the next query.
    release: () => (silent ? connection.destroy() : connection.release()),
  };
}
