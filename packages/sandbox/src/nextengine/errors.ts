const MESSAGES: Readonly<Record<string, string>> = {
  '000001': '指定されたパスは存在しません。',
  '000002': 'パラメータが不正です。',
  '001001': 'uidが指定されていないか、不正です。',
  '001002': 'stateが指定されていないか、有効期限切れです。',
  '001003': 'client_idまたはclient_secretが不正です。',
  '001007': 'ネクストエンジンのご利用が停止されています。',
  '002001': 'access_tokenが指定されていません。',
  '002002': 'access_tokenが不正です。',
  '002003': 'ネクストエンジンのご利用が停止されています。',
  '002004': 'access_tokenの有効期限切れです。',
  '002007': 'サーバーメンテナンス中です。',
  '003001': 'メイン機能が過負荷です。',
  '003002': 'メイン機能が過負荷です。',
  '003003': 'メイン機能のご利用が停止されています。',
  '003004': 'メイン機能のサーバーがメンテナンス中です。',
  '003005': 'メイン機能がメンテナンス中です。',
  '008003': '受注取込中のため実行できません。',
  '008007': '納品書印刷中のため実行できません。',
  '008010': '棚卸中のため実行できません。',
  '999999': 'システムエラーが発生しました。',
};

interface NextEngineErrorOptions {
  readonly message?: string | undefined;
  readonly result?: 'error' | 'redirect';
}

/** Ends a handler with `result: error` (or `redirect`), HTTP 200. */
export class NextEngineError extends Error {
  readonly code: string;
  readonly result: 'error' | 'redirect';

  constructor(code: string, options: NextEngineErrorOptions = {}) {
    super(options.message ?? MESSAGES[code] ?? 'エラーが発生しました。');
    this.code = code;
    this.result = options.result ?? 'error';
  }
}
