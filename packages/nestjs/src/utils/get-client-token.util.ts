/** The injection token of an account's client: of the manager without a name, or of the named one. */
export function getClientToken(name: string, managerName?: string): string {
  return managerName === undefined ? `EvertokenClient(${name})` : `EvertokenClient(${managerName}/${name})`;
}
