/** What the tests read of a package.json. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly description?: string
  readonly keywords?: readonly string[]
  readonly homepage?: string
  readonly bugs?: { readonly url: string }
  readonly license?: string
  readonly repository?: { readonly type: string; readonly url: string; readonly directory: string }
  readonly type?: string
  readonly engines?: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  readonly main?: string
  readonly module?: string
  readonly types?: string
  readonly exports?: Readonly<
    Record<string, string | Readonly<Record<string, string | Readonly<Record<string, string>>>>>
  >
  readonly files?: readonly string[]
  readonly sideEffects?: boolean
  readonly scripts?: Readonly<Record<string, string>>
  readonly publishConfig?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

export interface PublishedPackage {
  /** From the root of the repository, 'packages/idx'. */
  readonly path: string
  readonly manifest: Manifest
}

export interface Entry {
  /** 'index' for the entry '.', else its name: 'node'. */
  readonly name: string
  /** What is written in an import: '@digitlab/data/node'. */
  readonly specifier: string
  /** The file in src it is built from, its ES module and the types of that, as absolute paths. */
  readonly source: string
  readonly module: string
  readonly types: string
}

export declare const root: string
export declare const publishedPackages: (workspace?: string) => PublishedPackage[]
export declare const entriesOf: (published: PublishedPackage) => Entry[]
