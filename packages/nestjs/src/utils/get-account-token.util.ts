/** The injection token of an account: of the manager without a name, or of the named one. */
export function getAccountToken(name: string, managerName?: string): string {
  return managerName === undefined ? `EvertokenAccount(${name})` : `EvertokenAccount(${managerName}/${name})`;
}
