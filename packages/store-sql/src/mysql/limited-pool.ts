import type { MysqlPool, MysqlPoolConnection } from 'kysely';
import type { Pool, PoolConnection, QueryError } from 'mysql2';

/** What the driver calls a query that had no answer in time; it goes on waiting for the answer on that connection. */
const NO_ANSWER = 'PROTOCOL_SEQUENCE_TIMEOUT';

/**
 * A pool whose queries, and whose waiting for a connection, end within a limit, as Kysely sees it. The driver has none of its
 * own: a server that is there and does not answer would keep every connection, and every call behind them, for as long as it
 * likes.
 */
export function limitedPool(pool: Pool, limitMs: number): MysqlPool {
  return {
    getConnection(callback) {
      let waiting = true;
      const refuse = (error: Error) => {
        waiting = false;
        callback(error, undefined as unknown as MysqlPoolConnection);
      };
      const timer = setTimeout(() => refuse(new Error(`no connection within ${limitMs} ms`)), limitMs);
      pool.getConnection((error, connection) => {
        clearTimeout(timer);
        // Nobody waits for it any more.
        if (!waiting) connection?.release();
        else if (error) refuse(error);
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
