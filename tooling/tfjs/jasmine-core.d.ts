// What of Jasmine is used here; it brings no types.
declare module 'jasmine-core/lib/jasmine-core/jasmine.js' {
  interface Done {
    readonly fullName: string
    readonly status: string
    readonly failedExpectations: readonly { readonly message: string }[]
  }
  interface Env {
    configure(options: { readonly random: boolean }): void
    addReporter(reporter: { specDone(result: Done): void; suiteDone(result: Done): void }): void
    execute(): Promise<unknown>
  }
  interface Jasmine {
    getEnv(options: { readonly suppressLoadErrors: boolean }): Env
  }
  interface JasmineRequire {
    core(require: JasmineRequire): Jasmine
    interface(jasmine: Jasmine, env: Env): object
  }
  const jasmineRequire: JasmineRequire
  export default jasmineRequire
}
