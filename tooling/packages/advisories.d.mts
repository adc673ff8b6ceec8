export interface Explained {
  /** 'GHSA-...' */
  readonly advisory: string
  readonly package: string
  /** Why it does no harm here. */
  readonly reason: string
}

export interface Advisory {
  readonly advisory: string
  readonly package: string
  readonly severity: string
  readonly title: string
  /** How the package comes in: 'packages__report>linkedom>...' */
  readonly path: string
}

export declare const judge: (
  report: unknown,
  explained: readonly Explained[],
) => { readonly unexplained: readonly Advisory[]; readonly outdated: readonly Explained[] }
