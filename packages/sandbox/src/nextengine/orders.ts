type Order = Readonly<Record<string, string | null>>;

/** Made-up orders: every value is a string or null. */
export function makeOrders(count: number): Order[] {
  return Array.from({ length: count }, (_, index) => ({
    receive_order_id: String(index + 1),
    receive_order_shop_id: String((index % 3) + 1),
    receive_order_shop_cut_form_id: `sandbox-${1000 + index}`,
    receive_order_date: `2026-11-${String((index % 28) + 1).padStart(2, '0')} 12:00:00`,
    receive_order_order_status_id: index % 5 === 0 ? '50' : '20',
    receive_order_total_amount: String(1000 + index * 10),
    receive_order_deleted_flag: '0',
    receive_order_cancel_date: null,
  }));
}

/** The orders that meet all conditions `<field>-<operator>` of a request. Unknown operators are not conditions. */
export function selectOrders(orders: readonly Order[], fields: URLSearchParams): Order[] {
  const conditions = [...fields].flatMap(([name, wanted]) => {
    const [, field, operator] = /^(\w+)-([a-z]+)$/.exec(name) ?? [];
    const test = operator === undefined ? undefined : OPERATORS[operator];
    return field === undefined || test === undefined ? [] : [{ field, test, wanted }];
  });
  return orders.filter((order) => conditions.every(({ field, test, wanted }) => test(order[field] ?? null, wanted)));
}

/** One page, cut to the columns that were asked for; a column that does not exist is null. */
export function pageOf(orders: readonly Order[], columns: readonly string[], offset: number, limit: number): Order[] {
  return orders
    .slice(offset, offset + limit)
    .map((order) => Object.fromEntries(columns.map((column) => [column, order[column] ?? null])));
}

const OPERATORS: Readonly<Record<string, (value: string | null, wanted: string) => boolean>> = {
  eq: (value, wanted) => value === wanted,
  neq: (value, wanted) => value !== wanted,
  lt: (value, wanted) => compare(value, wanted) < 0,
  lte: (value, wanted) => compare(value, wanted) <= 0,
  gt: (value, wanted) => compare(value, wanted) > 0,
  gte: (value, wanted) => compare(value, wanted) >= 0,
  in: (value, wanted) => wanted.split(',').includes(value ?? ''),
  nin: (value, wanted) => !wanted.split(',').includes(value ?? ''),
  like: (value, wanted) => (value ?? '').includes(wanted.replaceAll('%', '')),
  nlike: (value, wanted) => !(value ?? '').includes(wanted.replaceAll('%', '')),
  null: (value) => value === null,
  nnull: (value) => value !== null,
};

function compare(value: string | null, wanted: string): number {
  if (value === null) return Number.NaN;
  const [left, right] = [Number(value), Number(wanted)];
  return Number.isNaN(left) || Number.isNaN(right) ? value.localeCompare(wanted) : left - right;
}
